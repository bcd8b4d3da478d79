-- Waits for the whole body of a gRPC-Web call, and refuses the call if body_limit.lua found the body too large.

function envoy_on_request(handle)
  if not handle:headers():get("x-grpc-web") then
    return
  end
  handle:body()
  if handle:streamInfo():dynamicMetadata():get("voicearena.body") then
    handle:respond({ [":status"] = "413" }, "")
  end
end
