import * as v from 'valibot'
import { Fault, parseJson } from '../../kit/index.ts'
import { isTag } from '../reference.ts'
import { pagesOf } from './pages.ts'
import { repositoryPath } from './paths.ts'
import type { Session } from './session.ts'

/** More than any repository has: what goes on and on is a registry gone wrong. */
const maxTags = 1_000_000
const pageSize = 1000

const shape = v.object({ tags: v.optional(v.nullable(v.array(v.string()))) })

/** distribution-spec, "Listing Tags". */
export async function* listTags(session: Session, repository: string, signal?: AbortSignal): AsyncGenerator<string> {
  const path = `${repositoryPath(repository)}/tags/list?n=${pageSize}`
  let given = 0
  for await (const page of pagesOf(session, { path, scopes: [{ repository, actions: 'pull' }], signal })) {
    for (const tag of parseJson(shape, page.bytes, page.url).tags ?? []) {
      if (!isTag(tag))
        throw new Fault('corrupt', `the registry lists a tag that is none: ${JSON.stringify(tag.slice(0, 200))}`, { at: page.url })
      if (++given > maxTags) throw new Fault('corrupt', `the registry lists more than ${maxTags} tags`, { at: page.url })
      yield tag
    }
  }
}
