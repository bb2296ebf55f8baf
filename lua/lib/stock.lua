-- Stock figures of this call: loaded once, changed in tables, written by commit (lib/commit.lua).
-- A figure is {key, a = available, r = reserved, s = sold, v = version}; texts of sold are kept as
-- they were read, because most changes leave it alone.
local CORRUPT = {}
-- The integers that a Lua number holds exactly.
local STOCK_MAX = 9007199254740991
local stocks, touched = {}, {}

-- stock_at(key): the figure; false if there is no such stock; CORRUPT if the key is not a stock.
local function stock_at(key)
  local stock = stocks[key]
  if stock ~= nil then return stock end
  local fields = redis.pcall(
    'HMGET', key, 'availableQuantity', 'reservedQuantity', 'soldQuantity', 'version')
  if fields.err then
    stock = CORRUPT
  else
    local a, r, s, v =
      tonumber(fields[1]), tonumber(fields[2]), tonumber(fields[3]), tonumber(fields[4])
    -- Digits alone: tonumber would take 1e3, 0x10 and nan too.
    if a and r and s and v and a <= STOCK_MAX and r <= STOCK_MAX and s <= STOCK_MAX
      and v <= STOCK_MAX
      and not string.find(fields[1] .. fields[2] .. fields[3] .. fields[4], '%D') then
      stock = {key = key, a = a, r = r, s = s, v = v, sold = fields[3]}
    elseif fields[1] or fields[2] or fields[3] or fields[4] then
      stock = CORRUPT
    else
      stock = redis.call('EXISTS', key) == 1 and CORRUPT
    end
  end
  stocks[key] = stock
  return stock
end

-- change(stock, available, reserved, sold): one change of a figure, one step of its version.
local function change(stock, available, reserved, sold)
  stock.a = stock.a + available
  stock.r = stock.r + reserved
  if sold ~= 0 then
    stock.s = stock.s + sold
    stock.sold = nil
  end
  stock.v = stock.v + 1
  if not stock.touched then
    stock.touched = true
    touched[#touched + 1] = stock
  end
end
