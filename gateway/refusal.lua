-- Answers a JSON call with an error, in the shape in which the transcoder prints those of the services. Stands above each
-- check of JSON calls.

local REFUSAL = '{"code":%d,"message":"%s","details":['
  .. '{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"%s","domain":"voicearena","metadata":{}}%s]}'
local VIOLATION = ',{"@type":"type.googleapis.com/google.rpc.BadRequest",'
  .. '"field_violations":[{"field":"%s","description":"%s"}]}'

-- Texts must need no escaping but that of a quotation mark.
local function escaped(text)
  return (text:gsub('"', '\\"'))
end

-- Returns a name from outside as it may be shown: short, and without what could be mistaken for more than a name.
local function shown(name)
  return (name:sub(1, 100):gsub("[^%w_. -]", "?"))
end

-- `field` is nil if no field is to blame.
local function answer_with(handle, status, reason, message, field, description)
  local violation = field and VIOLATION:format(escaped(field), escaped(description)) or ""
  local body = REFUSAL:format(3, escaped(message), reason, violation)
  handle:respond({ [":status"] = tostring(status), ["content-type"] = "application/json" }, body)
end
