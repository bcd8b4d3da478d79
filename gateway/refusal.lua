-- Returns an error for a JSON call, in the format in which the transcoder prints the errors of services. json_checks.py
-- writes this file before json_query.lua and json_body.lua.

local REFUSAL = '{"code":%d,"message":"%s","details":['
  .. '{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"%s","domain":"voicearena","metadata":{}}%s]}'
local VIOLATION = ',{"@type":"type.googleapis.com/google.rpc.BadRequest",'
  .. '"field_violations":[{"field":"%s","description":"%s"}]}'

-- Escapes quotation marks. Texts must contain no other character that JSON escapes.
local function escaped(text)
  return (text:gsub('"', '\\"'))
end

-- Returns a name from a request for use in a message: at most 100 bytes, with only harmless characters.
local function shown(name)
  return (name:sub(1, 100):gsub("[^%w_. -]", "?"))
end

-- Sends the response. `field` is nil if the error is not about a field.
local function respond_with(handle, status, reason, message, field, description)
  local violation = field and VIOLATION:format(escaped(field), escaped(description)) or ""
  local body = REFUSAL:format(3, escaped(message), reason, violation)
  handle:respond({ [":status"] = tostring(status), ["content-type"] = "application/json" }, body)
end
