-- wrk -s load.lua URL -- KIND FILE NEEDLE PAUSE_MS [AUTHORIZATION]
-- One line of FILE makes one request:
--   post   the line is a JSON body, sent to the URL's path; lines are used in turn
--   paid   the line is the value of PAYMENT-SIGNATURE; each is used once, and the run ends when they do
--   get    the line is a path; lines are used in turn
-- Counts answers that are 200 and contain NEEDLE. PAUSE_MS spaces the requests of each connection out, for a
-- measurement below full load; fractions are kept on average. One thread only (-t1). Prints one JSON line.
local lines, file, at, kind, needle
good, bad, sample = 0, 0, ""
local threads = {}

function setup(thread) table.insert(threads, thread) end

function init(args)
  kind, needle = args[1], args[3]
  local pause = tonumber(args[4])
  if kind == "paid" then
    file = io.open(args[2])
  else
    lines, at = {}, 0
    for line in io.lines(args[2]) do lines[#lines + 1] = line end
  end
  if kind == "post" then
    wrk.method = "POST"
    wrk.headers["Content-Type"] = "application/json"
  end
  if args[5] and args[5] ~= "" then wrk.headers["Authorization"] = args[5] end
  if pause > 0 then
    delay = function()
      local whole = math.floor(pause)
      return whole + (math.random() < pause - whole and 1 or 0)
    end
  end
end

local function turn()
  at = at + 1
  return lines[(at - 1) % #lines + 1]
end

function request()
  if kind == "post" then return wrk.format(nil, nil, nil, turn()) end
  if kind == "get" then return wrk.format("GET", turn()) end
  local line = file:read("*l")
  if not line then
    wrk.thread:stop()
    return wrk.format("GET", "/livez")
  end
  wrk.headers["PAYMENT-SIGNATURE"] = line
  return wrk.format()
end

function response(status, _, body)
  if status == 200 and string.find(body, needle, 1, true) then
    good = good + 1
  elseif not (kind == "paid" and string.find(body, '"service"', 1, true)) then
    bad = bad + 1
    if sample == "" then sample = status .. " " .. string.sub(body, 1, 200) end
  end
end

function done(summary, latency, _)
  local t, e, s = threads[1], summary.errors, summary.duration / 1e6
  io.write(string.format(
    '{"good":%d,"bad":%d,"sample":"%s","seconds":%.3f,"rate":%.1f,"p50_ms":%.3f,"p99_ms":%.3f,"max_ms":%.3f,"socket_errors":%d}\n',
    t:get("good"), t:get("bad"), (t:get("sample"):gsub('[\\"%c]', "'")), s, t:get("good") / s, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, latency.max / 1e3, e.connect + e.read + e.write + e.timeout))
end
