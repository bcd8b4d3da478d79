import { seconds } from "../../format/duration.ts";
import { dollars } from "../../format/money.ts";
import { count, decimal } from "../../format/number.ts";
import { experiments } from "../../strings/experiments.ts";
import { detectableDz, estimate, type Estimate as Outlook, type Plan } from "./estimate.ts";
import { amount, metricName } from "./names.ts";

const text = experiments.estimate;
const MAX_PROMPTS = 20;

/** How much the differences of a former experiment varied. */
export interface Spread {
  metric: string;
  /** The standard deviation of the differences from text to text. */
  deviation: number;
}

interface EstimateProps {
  plan: Plan;
  spread: Spread | undefined;
}

/** What the experiment will take, and the smallest difference that it can find. */
export function Estimate({ plan, spread }: EstimateProps) {
  const it = estimate(plan);
  return (
    <aside class="estimate" aria-labelledby="estimate-title">
      <h2 id="estimate-title">{text.title}</h2>
      {it.trials === 0 ? <p>{text.nothing}</p> : <Details plan={plan} it={it} spread={spread} />}
    </aside>
  );
}

function Details({ plan, it, spread }: EstimateProps & { it: Outlook }) {
  const best = detectableDz(MAX_PROMPTS);
  return (
    <>
      <ul>
        <li>
          {text.trials(it.trials)}, {text.characters(count(it.characters))}
        </li>
        <li>{text.time(seconds(Math.max(1, Math.round(it.seconds))))}</li>
        {it.dollars > 0 ? (
          <li>{text.cost(dollars(it.dollars))}</li>
        ) : (
          it.unknownPrices.length === 0 && plan.voices.length > 0 && <li>{text.free}</li>
        )}
        {it.unknownPrices.length > 0 && <li>{text.unknownPrice(it.unknownPrices.join(", "))}</li>}
        {it.votes > 0 && <li>{text.votes(count(it.votes))}</li>}
      </ul>
      {it.byListeners ? (
        <p>{text.byListeners}</p>
      ) : it.detectable === undefined ? (
        <p class="estimate-warning">{text.tooFew(it.differentPrompts)}</p>
      ) : (
        <p>
          {text.finds(it.differentPrompts, decimal(it.detectable))}{" "}
          {spread && text.asIn(amount(it.detectable * spread.deviation, spread.metric), metricName(spread.metric))}{" "}
          {it.differentPrompts < MAX_PROMPTS &&
            best !== undefined &&
            text.moreTexts(decimal(it.detectable), decimal(best))}
        </p>
      )}
    </>
  );
}
