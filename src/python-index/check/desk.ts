import { collect, explain, isFault, type Report } from '../../kit/index.ts'
import type { CheckAnswer, CheckClient, CheckRequest } from './client.ts'

/** Something that an installer would stumble over, now or once things change. */
export interface Finding {
  /** A URL or key. */
  readonly at: string
  readonly what: string
  /** `error`: something cannot be installed, or is not what it says. `warning`: it works, and worse than it should. */
  readonly severity: 'error' | 'warning'
}

/** What all parts of a check share. */
export interface CheckDesk {
  readonly client: CheckClient
  readonly isDeep: boolean
  readonly report: Report
  readonly signal?: AbortSignal | undefined
  readonly tell: (url: string, what: string, severity?: Finding['severity']) => void
  /** Undefined where it cannot be had, which is told. */
  readonly ask: (request: CheckRequest) => Promise<CheckAnswer | undefined>
}

export interface Findings {
  readonly findings: Finding[]
  /** Told and not kept: past the limit. */
  more: number
  requests: number
}

const maxFindings = 10_000

export function createDesk(options: Omit<CheckDesk, 'tell' | 'ask'>): { desk: CheckDesk; found: Findings } {
  const { client, signal } = options
  const found: Findings = { findings: [], more: 0, requests: 0 }
  const tell: CheckDesk['tell'] = (url, what, severity = 'error') => {
    if (found.findings.length < maxFindings) found.findings.push({ at: client.show(url), what, severity })
    else found.more++
  }
  const ask: CheckDesk['ask'] = async (request) => {
    found.requests++
    try {
      return await client.ask({ ...request, signal })
    } catch (error) {
      if (isFault(error, 'aborted') || isFault(error, 'bug')) throw error
      tell(request.url, `it cannot be checked: ${explain(error).split('\n')[0]}`)
      return undefined
    }
  }
  return { desk: { ...options, tell, ask }, found }
}

/** A small body whole; undefined where it does not come, or is too large, which is told. */
export async function bodyOf(desk: CheckDesk, url: string, answer: CheckAnswer, limit: number): Promise<Uint8Array | undefined> {
  try {
    return await collect(answer.body, limit, url)
  } catch (error) {
    if (isFault(error, 'aborted') || isFault(error, 'bug')) throw error
    desk.tell(url, `it cannot be read: ${explain(error).split('\n')[0]}`)
    return undefined
  }
}
