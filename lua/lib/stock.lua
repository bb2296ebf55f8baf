-- Stock figures of this call: loaded once, changed in tables, written by commit (lib/commit.lua).
-- A figure is {key, a = available, r = reserved, s = sold, v = version}; texts of sold are kept as
-- they were read, because most changes leave it alone.
local CORRUPT = {}
-- The integers that a Lua number holds exactly.
local STOCK_MAX = 9007199254740991
local stocks, touched = {}, {}

-- is_figure(number): whether it is whole, not negative and exact. Infinity and NaN are not.
local function is_figure(number)
  return number >= 0 and number <= STOCK_MAX and number % 1 == 0
end

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
    if a and r and s and v and is_figure(a) and is_figure(r) and is_figure(v)
      and not string.find(fields[3], '%D') and is_figure(s) then
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
