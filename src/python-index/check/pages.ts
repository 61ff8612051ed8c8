import { isFault } from '../../kit/index.ts'
import { parseHtmlPage } from '../upstream/html-page.ts'
import { parseJsonPage } from '../upstream/json-page.ts'
import { maxPageBytes, type WrittenPage } from '../upstream/project.ts'
import type { CheckAnswer } from './client.ts'
import { bodyOf, type CheckDesk } from './desk.ts'
import { checkPageHeaders, typeOf } from './headers.ts'

export type Form = 'json' | 'html'

/** One form of a page, as it came. */
export interface SeenPage {
  readonly form: Form
  /** Where it came from: what its addresses are relative to. */
  readonly url: string
  readonly bytes: Uint8Array
}

export const jsonType = 'application/vnd.pypi.simple.v1+json'
const htmlTypes = new Set(['text/html', 'application/vnd.pypi.simple.v1+html'])

/** Asks for both forms of a page, each as an installer does that reads only that; what is missing is told. */
export async function askForms(desk: CheckDesk, url: string): Promise<{ json?: SeenPage | undefined; html?: SeenPage | undefined }> {
  const [json, html] = [await askForm(desk, url, 'json', jsonType), await askForm(desk, url, 'html', 'text/html')]
  if (json === 'absent' && html === 'absent') {
    desk.tell(url, 'there is no page')
    return {}
  }
  if (html === 'absent' || html === 'other') desk.tell(url, 'it has no HTML form, which older installers need', 'warning')
  return { json: typeof json === 'object' ? json : await askBeside(desk, url), html: typeof html === 'object' ? html : undefined }
}

/** `absent`: nothing there; `other`: not in this form; undefined: trouble, which was told. */
async function askForm(desk: CheckDesk, url: string, form: Form, accept: string): Promise<SeenPage | 'absent' | 'other' | undefined> {
  const answer = await desk.ask({ url, headers: { accept } })
  if (answer === undefined) return undefined
  if (answer.status !== 200) {
    answer.discard()
    if (answer.status === 406) return 'other'
    if (answer.status === 404 || answer.status === 410) return 'absent'
    desk.tell(url, `it is answered with status ${answer.status}`)
    return undefined
  }
  if (!isOfForm(desk, answer, form)) {
    answer.discard()
    return 'other'
  }
  if (answer.url !== url)
    desk.tell(url, `it is redirected to ${desk.client.show(answer.url)}: one more request for each installer`, 'warning')
  const page = await take(desk, answer, form)
  if (page !== undefined) await checkConditional(desk, url, accept, answer)
  if (
    desk.client.tellsHeaders &&
    !(answer.headers['vary'] ?? '')
      .toLowerCase()
      .split(/\s*,\s*/)
      .includes('accept')
  )
    desk.tell(
      url,
      `it comes in the form that is asked for, without Vary: Accept: a cache may give ${form === 'json' ? 'JSON' : 'HTML'} to everyone`,
      'warning',
    )
  return page
}

/** Buckets choose no form: there the JSON form lies beside the HTML one, and only who knows that finds it. */
async function askBeside(desk: CheckDesk, url: string): Promise<SeenPage | undefined> {
  const answer = await desk.ask({ url: new URL('index.json', url).href, headers: { accept: `${jsonType}, application/json;q=0.1` } })
  if (answer === undefined) return undefined
  if (answer.status !== 200 || typeOf(answer.headers) === 'text/html') {
    answer.discard()
    desk.tell(url, 'it has no JSON form: no sizes, no upload times', 'warning')
    return undefined
  }
  desk.tell(url, 'its JSON form is only at index.json: what stands in front does not choose it by Accept', 'warning')
  return await take(desk, answer, 'json')
}

async function take(desk: CheckDesk, answer: CheckAnswer, form: Form): Promise<SeenPage | undefined> {
  checkPageHeaders(desk, answer.url, answer.headers)
  if (desk.client.tellsHeaders && form === 'json' && typeOf(answer.headers) !== jsonType)
    desk.tell(answer.url, `its type is ${typeOf(answer.headers)}, not ${jsonType}`)
  const bytes = await bodyOf(desk, answer.url, answer, maxPageBytes)
  return bytes && { form, url: answer.url, bytes }
}

function isOfForm(desk: CheckDesk, { headers }: CheckAnswer, form: Form): boolean {
  if (!desk.client.tellsHeaders) return true
  const type = typeOf(headers)
  return form === 'html' ? htmlTypes.has(type) : type === jsonType
}

/** Who holds the page is told so, and not sent it again. */
async function checkConditional(desk: CheckDesk, url: string, accept: string, { headers }: CheckAnswer): Promise<void> {
  const { etag } = headers
  if (etag === undefined || !desk.client.tellsHeaders) return
  const answer = await desk.ask({ url, headers: { accept, 'if-none-match': etag } })
  answer?.discard()
  if (answer !== undefined && answer.status !== 304)
    desk.tell(url, `asked with its own ETag, it answers ${answer.status} and not 304: it is sent whole each time`, 'warning')
}

/** The page as it was written; undefined where it is none, which is told. */
export function parsePage(desk: CheckDesk, { form, url, bytes }: SeenPage, project: string): WrittenPage | undefined {
  try {
    if (form === 'json') return parseJsonPage(bytes, project, url)
    const { base, ...page } = parseHtmlPage(bytes, project, url)
    const start = base === undefined ? undefined : URL.parse(base, url)?.href
    if (start === undefined) return page
    return { ...page, files: page.files.map((file) => ({ ...file, url: URL.parse(file.url, start)?.href ?? file.url })) }
  } catch (error) {
    if (!isFault(error, 'corrupt') && !isFault(error, 'unsupported')) throw error
    desk.tell(url, error.message)
    return undefined
  }
}
