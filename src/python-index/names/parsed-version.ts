/**
 * A version by its parts (PEP 440). Numbers stay decimal digits without leading zeros: dates and build numbers may be
 * longer than a double holds exactly.
 */
export interface Version {
  readonly epoch: string
  readonly release: readonly string[]
  readonly pre?: { readonly letter: 'a' | 'b' | 'rc'; readonly number: string } | undefined
  readonly post?: string | undefined
  readonly dev?: string | undefined
  readonly local?: readonly string[] | undefined
}

/** Characters of a version. */
const maxVersion = 200

const form =
  /^v?(?:(\d+)!)?(\d+(?:\.\d+)*)(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?(\d*))?(?:-(\d+)|[-_.]?(?:post|rev|r)[-_.]?(\d*))?([-_.]?dev[-_.]?(\d*))?(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?$/i

/** Undefined for what is no version. Spaces around it are ignored, as PEP 440 wants. */
export function parseVersion(text: string): Version | undefined {
  if (text.length > maxVersion) return undefined
  const match = form.exec(text.trim())
  if (match === null) return undefined
  const [, epoch, release, letter, pre, dashed, post, dev, devNumber, local] = match
  const isPost = dashed !== undefined || post !== undefined
  return {
    epoch: digits(epoch ?? ''),
    release: release!.split('.').map(digits),
    ...(letter === undefined ? {} : { pre: { letter: letters[letter.toLowerCase()]!, number: digits(pre ?? '') } }),
    ...(isPost ? { post: digits(dashed ?? post ?? '') } : {}),
    ...(dev === undefined ? {} : { dev: digits(devNumber ?? '') }),
    ...(local === undefined ? {} : { local: local.toLowerCase().split(/[-_.]/).map(localPart) }),
  }
}

/** The normal form. Zeros at the release's end stay: `1.0` and `1.0.0` are equal, and two texts. */
export function versionText(version: Version): string {
  const { epoch, release, pre, post, dev, local } = version
  return [
    epoch === '0' ? '' : `${epoch}!`,
    release.join('.'),
    pre === undefined ? '' : `${pre.letter}${pre.number}`,
    post === undefined ? '' : `.post${post}`,
    dev === undefined ? '' : `.dev${dev}`,
    local === undefined ? '' : `+${local.join('.')}`,
  ].join('')
}

export function isPrereleaseVersion({ pre, dev }: Version): boolean {
  return pre !== undefined || dev !== undefined
}

export function compareParsed(a: Version, b: Version): number {
  return comparePublic(a, b) || compareLocal(a.local, b.local)
}

/** The order without what follows the plus sign. */
export function comparePublic(a: Version, b: Version): number {
  return (
    compareBases(a, b) ||
    rankOfPre(a) - rankOfPre(b) ||
    compareDigits(a.pre?.number ?? '0', b.pre?.number ?? '0') ||
    compareWhereAbsentIs(-1, a.post, b.post) ||
    compareWhereAbsentIs(1, a.dev, b.dev)
  )
}

/** Epoch and release alone. */
export function compareBases(a: Version, b: Version): number {
  const length = Math.max(a.release.length, b.release.length)
  let order = compareDigits(a.epoch, b.epoch)
  for (let at = 0; order === 0 && at < length; at++) order = compareDigits(a.release[at] ?? '0', b.release[at] ?? '0')
  return order
}

const letters: Readonly<Record<string, 'a' | 'b' | 'rc'>> = {
  a: 'a',
  alpha: 'a',
  b: 'b',
  beta: 'b',
  c: 'rc',
  rc: 'rc',
  pre: 'rc',
  preview: 'rc',
}

/** `1.0.dev1` comes before `1.0a1`, and that before `1.0`; `1.0.post1.dev1` is no pre-release of `1.0`. */
function rankOfPre({ pre, post, dev }: Version): number {
  if (pre !== undefined) return { a: 1, b: 2, rc: 3 }[pre.letter]
  return post === undefined && dev !== undefined ? 0 : 4
}

function compareWhereAbsentIs(absent: -1 | 1, a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? absent : -absent
  return compareDigits(a, b)
}

function compareLocal(a: readonly string[] | undefined, b: readonly string[] | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? -1 : 1
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    const order = compareLocalParts(a[at]!, b[at]!)
    if (order !== 0) return order
  }
  return a.length - b.length
}

/** Numbers come after words. */
function compareLocalParts(a: string, b: string): number {
  const isNumber = isDigits(a)
  if (isNumber !== isDigits(b)) return isNumber ? 1 : -1
  return isNumber ? compareDigits(a, b) : compareTexts(a, b)
}

function compareDigits(a: string, b: string): number {
  return a.length - b.length || compareTexts(a, b)
}

function compareTexts(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1
}

function localPart(part: string): string {
  return isDigits(part) ? digits(part) : part
}

function isDigits(text: string): boolean {
  return /^\d+$/.test(text)
}

function digits(text: string): string {
  return text.replace(/^0+(?=\d)/, '') || '0'
}
