-- Checks the names in the query of a JSON call. The transcoder, which comes next, accepts a field that the path has
-- already, and uses the last of two values for one field.
-- json_checks.py writes ROUTES and the functions of refusal.lua above this file.

local gmatch, match = string.gmatch, string.match

local function decoded(name)
  return (name:gsub("+", " "):gsub("%%(%x%x)", function(code)
    return string.char(tonumber(code, 16))
  end))
end

local function route_of(verb, path)
  for _, route in ipairs(ROUTES) do
    if route.verb == verb and match(path, route.pattern) then
      return route
    end
  end
end

-- Returns the bad parameter of a query and what is wrong with it. Returns nothing if the query is good. The transcoder
-- refuses unknown parameters itself, except on routes with a body.
local function fault_of(route, query)
  local seen = {}
  for parameter in gmatch(query, "[^&]+") do
    local name = decoded(match(parameter, "^[^=]*"))
    local first, rest = match(name, "^([^.]*)(.*)")
    local field = route.fields[first]
    if field then
      local whole = field .. rest:gsub("%u", function(letter)
        return "_" .. letter:lower()
      end)
      if route.in_path[field] then
        return whole, "must not be in the query, because the path has it"
      elseif route.takes_body then
        return whole, "must be in the body; this route has no query parameters"
      elseif seen[whole] and not route.lists[field] then
        return whole, "must be given once"
      end
      seen[whole] = true
    elseif route.takes_body and name ~= "" then
      return name, "unknown parameter; the fields of this route are in the body"
    end
  end
end

function envoy_on_request(handle)
  local headers = handle:headers()
  local path, query = match(headers:get(":path"), "^([^?]*)%?(.*)$")
  if not query then
    return
  end
  local verb = headers:get(":method")
  local route = route_of(verb == "HEAD" and "GET" or verb, path)
  if not route then
    return
  end
  local field, description = fault_of(route, query)
  if field then
    field = shown(field)
    respond_with(handle, 400, "MALFORMED_REQUEST", field .. ": " .. description, field, description)
  end
end
