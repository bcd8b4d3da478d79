-- Checks the body of a JSON call against the request message of its route. An error names the field and what is allowed.
-- The transcoder, which comes next, would ignore unknown fields and accept a single value for a list.
-- json_checks.py writes MESSAGES and the functions of refusal.lua above this file. The time of the check is proportional
-- to the length of the body, which has a limit. It stops at MAX_VALUES, which is more than any request needs.

local MAX_DEPTH = 32
local MAX_VALUES = 5000
local MAX_NUMBER_LENGTH = 64
local MAX_NAME_BYTES = 100
local find, match, sub, byte = string.find, string.match, string.sub, string.byte
local value
-- The number of values found in the body so far.
local values = 0

local function refuse(path, description)
  error({ field = path, description = description }, 0)
end

local function malformed(position, expected)
  refuse("", string.format("is not valid JSON: expected %s at byte %d", expected, position))
end

local function count_value()
  values = values + 1
  if values > MAX_VALUES then
    refuse("", "has more than " .. MAX_VALUES .. " values")
  end
end

local function skip(text, position)
  return match(text, "^[ \t\r\n]*()", position)
end

local function within(path, name)
  return path == "" and name or path .. "." .. name
end

-- Returns the position after a string.
local function after_string(text, position)
  if byte(text, position) ~= 34 then
    malformed(position, "a string")
  end
  local at = position + 1
  while true do
    local code = byte(text, at)
    if code == 34 then
      return at + 1
    elseif code == 92 then
      at = at + 2
    elseif code == nil then
      malformed(#text + 1, 'a closing "')
    elseif code < 32 then
      malformed(position, "a string without control characters")
    else
      at = at + 1
    end
  end
end

-- Returns the content of a string and the position after it. Only ASCII escapes are decoded, because the content is only
-- used for names of fields and enum values. Returns only the beginning of a string that is longer than any name.
local function string_at(text, position)
  local after = after_string(text, position)
  local held = sub(text, position + 1, math.min(after - 2, position + 6 * MAX_NAME_BYTES))
  if find(held, "\\", 1, true) then
    held = held:gsub("\\u00(%x%x)", function(code)
      return string.char(tonumber(code, 16))
    end):gsub('\\([\\"/])', "%1")
  end
  return held, after
end

local function object_at(text, position, depth, each)
  local seen = {}
  position = skip(text, position + 1)
  if byte(text, position) == 125 then
    return position + 1
  end
  while true do
    count_value()
    local name, after = string_at(text, position)
    after = skip(text, after)
    if byte(text, after) ~= 58 then
      malformed(after, "a colon")
    end
    position = skip(text, each(name, skip(text, after + 1), seen))
    local next_byte = byte(text, position)
    if next_byte == 125 then
      return position + 1
    elseif next_byte ~= 44 then
      malformed(position, "a comma or }")
    end
    position = skip(text, position + 1)
  end
end

local function list_at(text, position, each)
  position = skip(text, position + 1)
  if byte(text, position) == 93 then
    return position + 1
  end
  local index = 0
  while true do
    count_value()
    position = skip(text, each(index, position))
    index = index + 1
    local next_byte = byte(text, position)
    if next_byte == 93 then
      return position + 1
    elseif next_byte ~= 44 then
      malformed(position, "a comma or ]")
    end
    position = skip(text, position + 1)
  end
end

-- Returns the type of the value at a position. Refuses the body if there is no value.
local function type_at(text, position)
  local first = sub(text, position, position)
  if first == "{" then
    return "object"
  elseif first == "[" then
    return "list"
  elseif first == '"' then
    return "string"
  elseif match(text, "^true%f[%W]", position) or match(text, "^false%f[%W]", position) then
    return "boolean"
  elseif match(text, "^null%f[%W]", position) then
    return "null"
  elseif match(text, "^-?%d", position) then
    return "number"
  end
  malformed(position, "a value")
end

-- Returns the position after a value of any type.
local function after_any(text, position, depth)
  local found = type_at(text, position)
  if depth > MAX_DEPTH then
    refuse("", "is nested too deeply: at most " .. MAX_DEPTH .. " levels are allowed")
  elseif found == "object" then
    return object_at(text, position, depth, function(_, at)
      return after_any(text, at, depth + 1)
    end)
  elseif found == "list" then
    return list_at(text, position, function(_, at)
      return after_any(text, at, depth + 1)
    end)
  elseif found == "string" then
    return after_string(text, position)
  elseif found == "number" then
    local number = match(text, "^[%d.eE+-]+", position)
    if #number > MAX_NUMBER_LENGTH or not tonumber(number) then
      malformed(position, "a number")
    end
    return position + #number
  end
  return match(text, "^%a+()", position)
end

local function message_at(text, position, message, path, depth)
  return object_at(text, position, depth, function(name, at, seen)
    local known = message.fields[name]
    if not known then
      local names = #message.names > 0 and "the known fields are " .. table.concat(message.names, ", ") or "there are no fields"
      refuse(within(path, shown(name)), "unknown field; " .. names)
    end
    if seen[known.name] then
      refuse(within(path, known.name), "must be given once")
    end
    seen[known.name] = true
    return value(text, at, known, within(path, known.name), depth + 1)
  end)
end

local function enum_at(text, position, kind, path)
  local name, after = string_at(text, position)
  if name ~= kind.zero then
    for _, allowed in ipairs(kind.values) do
      if name == allowed then
        return after
      end
    end
    refuse(path, "must be one of " .. table.concat(kind.values, ", "))
  end
  return after
end

local NAMES = {
  string = "a string",
  boolean = "true or false",
  number = "a number",
  integer = "a whole number",
  list = "a list",
  map = "an object",
  message = "an object",
}

-- Numbers that proto JSON writes as strings.
local NOT_FINITE = { NaN = true, Infinity = true, ["-Infinity"] = true }

-- Checks the value at a position and returns the position after it.
function value(text, position, kind, path, depth)
  if depth > MAX_DEPTH then
    refuse(path, "nested too deeply: at most " .. MAX_DEPTH .. " levels are allowed")
  end
  local found = type_at(text, position)
  local expected = kind.kind
  if expected == "any" or found == "null" then
    return after_any(text, position, depth)
  elseif expected == "message" and found == "object" then
    return message_at(text, position, MESSAGES[kind.message], path, depth)
  elseif expected == "list" and found == "list" then
    return list_at(text, position, function(index, at)
      return value(text, at, kind.of, path .. "[" .. index .. "]", depth + 1)
    end)
  elseif expected == "map" and found == "object" then
    return object_at(text, position, depth, function(name, at)
      return value(text, at, kind.of, path .. "[" .. shown(name) .. "]", depth + 1)
    end)
  elseif expected == "enum" then
    if found == "string" then
      return enum_at(text, position, kind, path)
    end
    refuse(path, "must be one of " .. table.concat(kind.values, ", "))
  elseif expected == found then
    return after_any(text, position, depth)
  elseif expected == "integer" and (found == "number" or found == "string") then
    local written = match(text, '^"?(-?[%d.eE+-]*)"?', position)
    local number = #written <= MAX_NUMBER_LENGTH and tonumber(written)
    if number and number == math.floor(number) then
      return after_any(text, position, depth)
    end
  elseif expected == "number" and found == "string" then
    local written = match(text, '^"(-?[%w.+-]*)"', position)
    if written and (NOT_FINITE[written] or match(written, "^-?%d[%d.eE+-]*$") and tonumber(written)) then
      return after_any(text, position, depth)
    end
  end
  refuse(path, "must be " .. NAMES[expected])
end

local function check(text, message)
  local position = skip(text, 1)
  if position > #text then
    return
  end
  if type_at(text, position) ~= "object" then
    refuse("", "must be an object")
  end
  position = skip(text, message_at(text, position, message, "", 1))
  if position <= #text then
    malformed(position, "the end")
  end
end

local function is_json(media_type)
  local kind, parameters = match((media_type or ""):lower(), "^%s*([^;%s]+)%s*(.*)$")
  if kind ~= "application/json" and not match(kind or "", "^application/[%w.!#$&^_-]+%+json$") then
    return false
  elseif parameters ~= "" and sub(parameters, 1, 1) ~= ";" then
    return false
  end
  local charset = match(parameters, ';%s*charset%s*=%s*"?([^";%s]*)')
  return not charset or charset == "utf-8" or charset == "utf8" or charset == "us-ascii"
end

function envoy_on_request(handle)
  -- Read before the body, because headers can't be read after it.
  local media_type = handle:headers():get("content-type")
  local body = handle:body()
  if handle:streamInfo():dynamicMetadata():get("voicearena.body") then
    handle:respond({ [":status"] = "413" }, "")
    return
  end
  if not body or body:length() == 0 then
    return
  end
  -- Web pages of other origins can send plain text and forms without a CORS preflight.
  if not is_json(media_type) then
    local must = "must be application/json; a charset must be utf-8"
    if handle:filterContext():get("takes_uploads") then
      must = "must be the type of the recording, such as audio/wav, or multipart/form-data, or application/json"
    end
    respond_with(handle, 415, "UNSUPPORTED_MEDIA_TYPE", "content-type: " .. must, "content-type", must)
    return
  end
  values = 0
  local message = MESSAGES[handle:filterContext():get("message")]
  local good, fault = pcall(check, body:getBytes(0, body:length()), message)
  if good then
    return
  elseif type(fault) ~= "table" then
    error(fault, 0)
  end
  local where = fault.field == "" and "The body" or fault.field
  local text = fault.field == "" and where .. " " .. fault.description or where .. ": " .. fault.description
  respond_with(handle, 400, "MALFORMED_REQUEST", text, fault.field, fault.description)
end
