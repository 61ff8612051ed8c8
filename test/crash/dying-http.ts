import type { HttpAnswer, HttpClient } from '../../src/kit/http/index.ts'
import { type Deadline, dyingBytes } from './dying.ts'

/** A client whose user may be killed before each request, after its answer, and in the middle of bodies both ways. */
export function dyingHttp(http: HttpClient, deadline: Deadline): HttpClient {
  const withBody = <T extends { readonly body?: unknown }>(request: T): T => {
    const { body } = request
    if (body === undefined || body === null || typeof body !== 'object' || !('rewindable' in body)) return request
    return { ...request, body: dyingBytes(body as unknown as HttpAnswer['body'], deadline) }
  }
  return {
    ...http,
    async request(request) {
      deadline.pass()
      const answer = await http.request(withBody(request))
      deadline.pass()
      return { ...answer, body: dyingBytes(answer.body, deadline) }
    },
    async read(request, limit) {
      deadline.pass()
      const page = await http.read(withBody(request), limit)
      deadline.pass()
      return page
    },
  }
}
