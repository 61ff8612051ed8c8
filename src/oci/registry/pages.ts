import type { HttpPage } from '../../kit/http/index.ts'
import { Fault } from '../../kit/index.ts'
import type { Ask, Session } from './session.ts'

const maxPages = 2000
const pageBytes = 16 << 20

/** One page after the other, as `Link: <…>; rel="next"` says (RFC 8288). A page that was there already throws `corrupt`. */
export async function* pagesOf(session: Session, ask: Ask): AsyncGenerator<HttpPage> {
  const seen = new Set<string>()
  let pages = 0
  for (let path: string | undefined = ask.path; path !== undefined;) {
    if (pages++ === maxPages) throw new Fault('corrupt', `${session.host} lists more than ${maxPages} pages`)
    const page: HttpPage = await session.read({ ...ask, path }, pageBytes)
    seen.add(path)
    yield page
    const link = nextLink(page.headers['link'])
    path = link === undefined ? undefined : await session.ownPath(link, page.url)
    if (path !== undefined && seen.has(path))
      throw new Fault('corrupt', `${session.host} lists the same page again and again`, { at: path })
  }
}

function nextLink(header: string | undefined): string | undefined {
  for (const [, target, parameters] of (header ?? '').matchAll(/<([^<>]{1,4000})>([^<>]*)/g)) {
    if (/;\s*rel\s*=\s*(?:next\b|"(?:[^"]* )?next(?: [^"]*)?")/i.test(parameters ?? '')) return target
  }
  return undefined
}
