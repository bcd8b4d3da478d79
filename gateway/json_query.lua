-- Checks the names in the query of a JSON call. The transcoder, which comes next, lets a query name a field that the path
-- has named already, and of two values for one field it takes the last.
-- ROUTES and the functions of refusal.lua stand above; json_query.py writes them.

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

-- Returns what is wrong with a query: the parameter to blame and why; nothing if it is good, or if its parameters are
-- unknown, which the transcoder says itself.
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
        return whole, "is given by the path, so the query must not name it"
      elseif route.takes_body then
        return whole, "belongs in the body; this route takes no query parameters"
      elseif seen[whole] and not route.lists[field] then
        return whole, "given twice"
      end
      seen[whole] = true
    elseif route.takes_body and name ~= "" then
      return name, "unknown parameter; this route takes its fields in the body"
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
    answer_with(handle, 400, "MALFORMED_REQUEST", field .. ": " .. description, field, description)
  end
end
