-- memcached's own proxy (1.6.23 and later): keys are spread over three servers. A server that does
-- not answer in time is an error of its own keys; blobcached answers 503 for those files alone.
function mcp_config_pools()
  mcp.backend_connect_timeout(0.2)
  -- Less than --memcached-timeout, so that one silent server does not end blobcached's connection.
  mcp.backend_read_timeout(0.5)
  return mcp.pool({
    mcp.backend('a', 'memcached-a', 11211),
    mcp.backend('b', 'memcached-b', 11211),
    mcp.backend('c', 'memcached-c', 11211),
  })
end

function mcp_config_routes(pool)
  local route = mcp.funcgen_new()
  local handle = route:new_handle(pool)
  route:ready({
    n = 'spread',
    f = function(context)
      return function(request)
        return context:enqueue_and_wait(request, handle)
      end
    end,
  })
  mcp.attach(mcp.CMD_ANY_STORAGE, route)
end
