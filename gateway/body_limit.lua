-- Holds bodies to the limit of their route, and reads on when one is larger: what is too much is thrown away as it
-- arrives, and body_check.lua refuses the call when all of it has come. Many clients look for an answer only when they
-- have sent everything, and would find the connection closed. gRPC over HTTP/2 is refused at once by a filter of Envoy's.

local BODY = "voicearena.body"

function envoy_on_request(handle)
  local headers, context = handle:headers(), handle:filterContext()
  if context:get("grpc") and not headers:get("x-grpc-web") then
    return
  end
  local most = context:get("max_bytes")
  local length = tonumber(headers:get("content-length") or "")
  local too_large = length ~= nil and length > most
  if too_large then
    handle:streamInfo():dynamicMetadata():set(BODY, "too_large", true)
  end
  local received = 0
  for chunk in handle:bodyChunks() do
    received = received + chunk:length()
    if received > most and not too_large then
      too_large = true
      handle:streamInfo():dynamicMetadata():set(BODY, "too_large", true)
    end
    if too_large then
      chunk:setBytes("")
    end
  end
end
