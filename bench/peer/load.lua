-- Posts the bodies of a file in turn; at the end prints one line of JSON. Arguments after --: the file, its content type.
local prepared = {}
local last = 0

function init(args)
  wrk.method = "POST"
  local type = args[2] or "application/json"
  wrk.headers["Content-Type"] = type
  for body in io.lines(args[1]) do
    if type == "text/csv" then
      body = body:gsub("\\n", "\n")
    elseif type == "application/octet-stream" then
      local length, hexadecimal = body:match("^(%d+) (%x+)$")
      wrk.headers["Inference-Header-Content-Length"] = length
      body = hexadecimal:gsub("%x%x", function(digits) return string.char(tonumber(digits, 16)) end)
    end
    prepared[#prepared + 1] = wrk.format(nil, nil, nil, body)
  end
end

function request()
  last = last % #prepared + 1
  return prepared[last]
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format('{"requests":%d,"seconds":%.6f,"errors":%d,"p50":%.6f,"p99":%.6f}\n',
    summary.requests, summary.duration / 1e6, failed, latency:percentile(50) / 1e6, latency:percentile(99) / 1e6))
end
