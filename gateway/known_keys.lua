-- Checks the API key of a call before its body is read. A call that needs a key but has none is refused here. A key that
-- auth has verified recently is known here. For any other key, ext_authz, the next filter, calls auth, unless the address
-- has sent too many unknown keys. Each worker thread has its own memory.
--
-- An entry is the response to ext_authz. It is stored by the whole Authorization header, for as long as auth allows: at
-- most 0.8 s after auth has verified the key, and 60 s for a voter's session that nobody can revoke. The data comes from
-- dynamic metadata, which clients can't send. The route's filter context says whether a call needs a key (`key`), and
-- whether a stricter rate limit applies to its address (`strictly`).

local MAX_KEYS = 10000
-- After this share of an entry's lifetime, one call verifies the key again while the others still use the entry.
local REFRESH_SHARE = 0.5
-- Unknown keys from one address: how many can come at once, and how many per second. See the settings
-- ANONYMOUS_RATE_LIMIT_BURST and ANONYMOUS_RATE_LIMIT_PER_SECOND.
local BURST, PER_SECOND = UNKNOWN_KEYS_BURST, UNKNOWN_KEYS_PER_SECOND
local MAX_ADDRESSES = 10000
local KNOWN, PENDING, EXT_AUTHZ = "voicearena.known_key", "voicearena.asked_key", "envoy.filters.http.ext_authz"

local known, count = {}, 0
-- The number of calls whose keys are being verified. While it is 0, responses are not inspected. A call that its client
-- cancels has no response here, so the number is reset every second. A response that is missed for this reason is
-- requested again.
local verifying, reset_at = 0, 0
-- The number of unknown keys that each address can still send, and when it was computed. Old entries are dropped one
-- generation at a time. A generation is as long as an allowance needs to fill up, so a dropped allowance is full again.
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

-- An IPv6 network (/64) counts as one address.
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
  -- An entry must not last longer if the clock was set back.
  if entry and entry.from <= now and now < entry.to then
    if now < entry.refresh_at then
      headers:replace("x-voicearena-identity", entry.token)
      headers:remove("authorization")
      metadata:set(KNOWN, "key", entry.key)
      return
    end
    entry.refresh_at = entry.to
  end
  -- A key that was valid here before is always verified again.
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
    -- Returned if the key turns out to be valid.
    allowance.left = allowance.left - 1
    metadata:set(PENDING, "address", address)
  end
  if now - reset_at > 1000 or now < reset_at then
    verifying, reset_at = 0, now
  end
  verifying = verifying + 1
  metadata:set(PENDING, "authorization", authorization)
  metadata:set(PENDING, "at", now)
end

function envoy_on_response(handle)
  if verifying == 0 then
    return
  end
  local metadata = handle:streamInfo():dynamicMetadata()
  local pending = metadata:get(PENDING)
  if not pending or not pending.at then
    return
  end
  verifying = math.max(verifying - 1, 0)
  local result = metadata:get(EXT_AUTHZ)
  local good = result and result.token
  if pending.address and (good or handle:headers():get(":status") == "503") then
    local allowance = allowance_of(pending.address, handle:timestamp())
    allowance.left = math.min(BURST, allowance.left + 1)
  end
  if not good then
    -- The key is not valid any more, or auth could not verify it.
    if known[pending.authorization] then
      known[pending.authorization] = nil
      count = count - 1
    end
    return
  end
  -- The lifetime starts before auth was called, so it ends before the time that auth allows.
  local from, good_ms = pending.at, result.believe_ms
  if good_ms <= handle:timestamp() - from then
    return
  end
  if not known[pending.authorization] then
    if count >= MAX_KEYS then
      known, count = {}, 0
    end
    count = count + 1
  end
  known[pending.authorization] = {
    token = result.token,
    key = result.key,
    from = from,
    to = from + good_ms,
    refresh_at = from + good_ms * REFRESH_SHARE,
  }
end
