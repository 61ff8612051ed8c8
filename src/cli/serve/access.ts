import type { Log } from '../../kit/index.ts'
import type { Access } from '../../server/index.ts'

/**
 * A line for each request, or only for those that somebody has to know of: that changed something or tried to, had no right to, failed, or broke
 * off. A refusal for too many requests is not among them, or whoever sends too many would write as many lines.
 */
export function accessLines(log: Log, each: boolean): (access: Access) => void {
  return (access) => {
    const { request, trace, method, route, target, status, bytes, isWhole, took, address, token } = access
    if (!each && !isTelling(access)) return
    log.write(status >= 500 ? 'error' : 'info', `${method} ${target}`, {
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
