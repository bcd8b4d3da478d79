import { useSignal } from "@preact/signals";
import { sharing } from "../strings/sharing.ts";
import { Button } from "./Button.tsx";
import { Command } from "./Copy.tsx";
import { Dialog } from "./Dialog.tsx";
import "./share.css";

const CARD_WIDTH_PX = 1200;
const CARD_HEIGHT_PX = 630;

interface ShareProps {
  /** What the picture shows, for people who can't see it. */
  about: string;
  /** The path of the picture that the server makes. */
  card: string;
}

/** A button that offers the link to what is shown, and the server's picture of it. */
export function Share({ about, card }: ShareProps) {
  const isOpen = useSignal(false);
  const isBroken = useSignal(false);
  return (
    <>
      <Button
        onClick={() => {
          isBroken.value = false;
          isOpen.value = true;
        }}
      >
        {sharing.share}
      </Button>
      {isOpen.value && (
        <Dialog
          title={sharing.share}
          onClose={() => {
            isOpen.value = false;
          }}
        >
          <h3>{sharing.link}</h3>
          <Command text={location.href} />
          <h3>{sharing.card}</h3>
          {isBroken.value ? (
            <p>{sharing.noCard}</p>
          ) : (
            <a class="share-card" href={card} target="_blank" rel="noreferrer">
              <img
                src={card}
                alt={about}
                width={CARD_WIDTH_PX}
                height={CARD_HEIGHT_PX}
                onError={() => {
                  isBroken.value = true;
                }}
              />
              {sharing.openCard}
            </a>
          )}
        </Dialog>
      )}
    </>
  );
}
