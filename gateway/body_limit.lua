-- Enforces the body limit of a route. A body that is too large is read to its end and discarded. json_body.lua or
-- grpc_web_body.lua then refuses the call. Many clients read the response only after they have sent everything; without
-- this they would find the connection closed. gRPC over HTTP/2 is refused at once by another filter.

local BODY = "voicearena.body"

function envoy_on_request(handle)
  local headers, context = handle:headers(), handle:filterContext()
  if context:get("grpc") and not headers:get("x-grpc-web") then
    return
  end
  local max_bytes = context:get("max_bytes")
  local length = tonumber(headers:get("content-length") or "")
  local too_large = length ~= nil and length > max_bytes
  if too_large then
    handle:streamInfo():dynamicMetadata():set(BODY, "too_large", true)
  end
  local received = 0
  for chunk in handle:bodyChunks() do
    received = received + chunk:length()
    if received > max_bytes and not too_large then
      too_large = true
      handle:streamInfo():dynamicMetadata():set(BODY, "too_large", true)
    end
    if too_large then
      chunk:setBytes("")
    end
  end
end
