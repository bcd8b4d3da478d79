-- Remembers which identity an API key stands for, so that auth is asked about it a few times a second and not on every
-- call. Each worker thread has a memory of its own.
--
-- What is remembered is what ext_authz, the next filter, was answered, under the whole Authorization header that it was
-- asked about and for as long as auth allows: at most 0.8 s after its look-up. All of it is in dynamic metadata, which no
-- client can send. Whatever is not known here ext_authz decides.

local LARGEST = 10000
-- Of the time for which an answer is good; after it one call, and only one, asks again while the others go on.
local ASK_AGAIN = 0.5
local KNOWN, ASKED, ANSWERED = "voicearena.known_key", "voicearena.asked_key", "envoy.filters.http.ext_authz"

local known, count = {}, 0
-- How many calls are being asked about, so that other responses need not be looked at. A call that is given up never
-- ends here, hence it is set back every second; an answer that is missed for this is asked for again.
local asking, set_back_at = 0, 0

function envoy_on_request(handle)
  local headers = handle:headers()
  local authorization = headers:get("authorization")
  if not authorization then
    return
  end
  local now = handle:timestamp()
  local metadata = handle:streamInfo():dynamicMetadata()
  local entry = known[authorization]
  -- A clock that was set back makes nothing last longer.
  if entry and entry.from <= now and now < entry.to then
    if now < entry.ask_again then
      headers:replace("x-voicearena-identity", entry.token)
      headers:remove("authorization")
      metadata:set(KNOWN, "key", entry.key)
      return
    end
    entry.ask_again = entry.to
  end
  if now - set_back_at > 1000 or now < set_back_at then
    asking, set_back_at = 0, now
  end
  asking = asking + 1
  metadata:set(ASKED, "authorization", authorization)
  metadata:set(ASKED, "at", now)
end

function envoy_on_response(handle)
  if asking == 0 then
    return
  end
  local metadata = handle:streamInfo():dynamicMetadata()
  local asked = metadata:get(ASKED)
  if not asked then
    return
  end
  asking = math.max(asking - 1, 0)
  local answer = metadata:get(ANSWERED)
  if not answer or not answer.token then
    -- Not good any more, or auth could not say.
    if known[asked.authorization] then
      known[asked.authorization] = nil
      count = count - 1
    end
    return
  end
  -- From before auth was asked, so it ends before auth would end it.
  local from, good_ms = asked.at, answer.believe_ms
  if good_ms <= handle:timestamp() - from then
    return
  end
  if not known[asked.authorization] then
    if count >= LARGEST then
      known, count = {}, 0
    end
    count = count + 1
  end
  known[asked.authorization] = {
    token = answer.token,
    key = answer.key,
    from = from,
    to = from + good_ms,
    ask_again = from + good_ms * ASK_AGAIN,
  }
end
