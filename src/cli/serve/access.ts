import type { Log } from '../../kit/index.ts'
import type { Access } from '../../server/index.ts'

/**
 * A line for each request. Without `each`, those that nobody has to know of are of the level `debug`: that changed nothing and did not try to, had
 * the right to, did not fail or break off; and refusals for too many requests, or whoever sends too many would write as many lines.
 */
export function accessLines(log: Log, each: boolean): (access: Access) => void {
  return (access) => {
    const { request, trace, method, route, target, status, bytes, isWhole, took, address, token } = access
    const level = status >= 500 ? 'error' : each || isTelling(access) ? 'info' : 'debug'
    if (!log.has(level)) return
    log.write(level, `${method} ${target}`, {
      event: 'request',
      request_id: request,
      trace_id: trace,
      method,
      route,
      path: target,
      status,
      bytes,
      duration_ms: Math.round(took * 1000) / 1000,
      client: address,
      token_id: token?.id,
      token_name: token?.name,
      broken_off: isWhole ? undefined : true,
    })
  }
}

function isTelling({ method, status, isWhole }: Access): boolean {
  const changes = method !== 'GET' && method !== 'HEAD'
  return (changes && status < 400) || status >= 500 || status === 401 || status === 403 || !isWhole
}
