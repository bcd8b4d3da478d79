-- Decides what becomes of a call before anything of its body is read. A call that needs an API key and brings none is
-- refused here. A key that auth was asked about lately is known here; about any other ext_authz, the next filter, asks
-- auth, but for addresses that sent too many unknown keys. Each worker thread has a memory of its own.
--
-- What is remembered is what ext_authz was answered, under the whole Authorization header that it was asked about and
-- for as long as auth allows: at most 0.8 s after its look-up. All of it is in dynamic metadata, which no client can
-- send. The route's filter context says whether a call needs a key (`key`), and whether its address may make fewer such
-- calls than others (`strictly`).

local LARGEST = 10000
-- Of the time for which an answer is good; after it one call, and only one, asks again while the others go on.
local ASK_AGAIN = 0.5
-- Unknown keys of one address: how many may come at once, and how many a second, as ANONYMOUS_RATE_LIMIT_... say.
local BURST, PER_SECOND = UNKNOWN_KEYS_BURST, UNKNOWN_KEYS_PER_SECOND
local MAX_ADDRESSES = 10000
local KNOWN, ASKED, ANSWERED = "voicearena.known_key", "voicearena.asked_key", "envoy.filters.http.ext_authz"

local known, count = {}, 0
-- How many calls are being asked about, so that other responses need not be looked at. A call that is given up never
-- ends here, hence it is set back every second; an answer that is missed for this is asked for again.
local asking, set_back_at = 0, 0
-- How many look-ups each address may still cause, and when that was so. Old ones are forgotten a generation at a time:
-- after the time in which it fills up, an allowance that is forgotten is whole again.
local allowances, older, addresses, turned_at = {}, {}, 0, 0

local function allowance_of(address, now)
  if addresses >= MAX_ADDRESSES or now - turned_at > 1000 * BURST / PER_SECOND or now < turned_at then
    allowances, older, addresses, turned_at = {}, allowances, 0, now
  end
  local found = allowances[address]
  if not found then
    found = older[address] or { left = BURST, at = now }
    allowances[address] = found
    addresses = addresses + 1
  end
  found.left = math.min(BURST, found.left + math.max(0, now - found.at) * PER_SECOND / 1000)
  found.at = now
  return found
end

-- The addresses of one customer of IPv6 count as one: its network of 64 bits.
local function network_of(address)
  if not address or not string.find(address, ":", 1, true) then
    return address or ""
  end
  local head, tail = string.match(address, "^(.-)::(.*)$")
  local groups = {}
  for group in string.gmatch(head or address, "%x+") do
    groups[#groups + 1] = group
  end
  if head then
    local _, behind = string.gsub(tail, "%x+", "")
    for _ = #groups + 1, 8 - behind do
      groups[#groups + 1] = "0"
    end
    for group in string.gmatch(tail, "%x+") do
      groups[#groups + 1] = group
    end
  end
  return table.concat(groups, ":", 1, math.min(4, #groups))
end

function envoy_on_request(handle)
  local headers = handle:headers()
  local authorization = headers:get("authorization")
  local metadata = handle:streamInfo():dynamicMetadata()
  local context = handle:filterContext()
  if not authorization and context:get("key") then
    handle:respond({ [":status"] = "401" }, "")
    return
  end
  if context:get("strictly") then
    metadata:set(KNOWN, "count", "strictly")
  end
  if not authorization then
    return
  end
  local now = handle:timestamp()
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
  -- A key that was good here before may always be asked about.
  if not entry and PER_SECOND > 0 then
    local address = network_of(headers:get("x-voicearena-client-address"))
    local allowance = allowance_of(address, now)
    if allowance.left < 1 then
      handle:respond({
        [":status"] = "429",
        ["retry-after"] = "1",
        ["x-ratelimit-limit"] = tostring(BURST),
        ["x-ratelimit-remaining"] = "0",
        ["x-ratelimit-reset"] = "1",
      }, "")
      return
    end
    -- Given back if the key turns out to be good.
    allowance.left = allowance.left - 1
    metadata:set(ASKED, "address", address)
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
  if not asked or not asked.at then
    return
  end
  asking = math.max(asking - 1, 0)
  local answer = metadata:get(ANSWERED)
  local good = answer and answer.token
  if asked.address and (good or handle:headers():get(":status") == "503") then
    local allowance = allowance_of(asked.address, handle:timestamp())
    allowance.left = math.min(BURST, allowance.left + 1)
  end
  if not good then
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
