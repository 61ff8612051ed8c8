import { Parser } from 'htmlparser2'
import { Fault } from '../../kit/index.ts'
import { checkVersion, tooMany } from './json-page.ts'
import { maxFiles, type WrittenFile, type WrittenPage } from './project.ts'

/** Elements within each other: a page of links has few, and each end of one costs a look at all that are open. */
const maxDepth = 256
const pieceLength = 1 << 16

export interface HtmlPage extends WrittenPage {
  /** `<base href>`, as it was written: what addresses are relative to. */
  readonly base?: string | undefined
}

/** A project's page in HTML (PEP 503, 592, 629, 658, 714, 740, 792). Throws `corrupt` past the limits, `unsupported` for a later kind. */
export function parseHtmlPage(bytes: Uint8Array, project: string, at: string): HtmlPage {
  const files: WrittenFile[] = []
  const meta = new Map<string, string>()
  let base: string | undefined
  let depth = 0
  const parser = new Parser({
    onopentag(tag, attributes) {
      if (++depth > maxDepth)
        throw new Fault('corrupt', `the page of ${project} has more than ${maxDepth} elements within each other`, { at })
      const { href, name, content } = attributes
      if (tag === 'base') base ??= href
      else if (tag === 'meta' && name?.startsWith('pypi:') === true && !meta.has(name)) meta.set(name, content ?? '')
      else if (tag === 'a' && href !== undefined) {
        if (files.length === maxFiles) throw tooMany(project, at)
        files.push(fileOf(href.trim(), attributes))
      }
    },
    onclosetag() {
      depth--
    },
  })
  const text = new TextDecoder().decode(bytes)
  for (let from = 0; from < text.length; from += pieceLength) parser.write(text.slice(from, from + pieceLength))
  parser.end()
  checkVersion(meta.get('pypi:repository-version') ?? '1.0', at)
  return { files, dropped: [], base, status: meta.get('pypi:project-status'), reason: meta.get('pypi:project-status-reason') }
}

function fileOf(href: string, attributes: Readonly<Record<string, string | undefined>>): WrittenFile {
  const [address, fragment] = splitOnce(href, '#')
  const told = attributes['data-core-metadata'] ?? attributes['data-dist-info-metadata']
  return {
    name: lastSegment(address),
    url: address,
    sha256: hashIn(fragment),
    requiresPython: attributes['data-requires-python'],
    yanked: attributes['data-yanked'],
    metadata: told === undefined ? undefined : hashIn(told),
    provenance: attributes['data-provenance'],
  }
}

/** The name that installers use is that of the address, whatever the link's text says. */
function lastSegment(address: string): string {
  const path = splitOnce(address, '?')[0]
  const last = path.slice(path.lastIndexOf('/') + 1)
  try {
    return decodeURIComponent(last)
  } catch {
    return last
  }
}

/** `sha256=…`, alone or among others. */
function hashIn(text: string): string | undefined {
  return /(?:^|&)sha256=([^&]*)/.exec(text)?.[1]
}

function splitOnce(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}
