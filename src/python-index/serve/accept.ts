/** The forms of a page (PEP 691), and the two types that the HTML form goes by. */
export type PageType = 'application/vnd.pypi.simple.v1+json' | 'application/vnd.pypi.simple.v1+html' | 'text/html'

/** Best first, where a client likes them equally well and names them. */
const offers: readonly PageType[] = ['application/vnd.pypi.simple.v1+json', 'application/vnd.pypi.simple.v1+html', 'text/html']

/** Other names of what we offer: whoever wants the latest version is given this one. */
const aliases: Readonly<Record<string, PageType>> = {
  'application/vnd.pypi.simple.latest+json': 'application/vnd.pypi.simple.v1+json',
  'application/vnd.pypi.simple.latest+html': 'application/vnd.pypi.simple.v1+html',
}

interface Wish {
  readonly type: string
  readonly quality: number
}

/**
 * Which type of a page a client gets (PEP 691): what `?format=` names, else what its Accept likes best, else HTML, which every client
 * reads that says nothing. Undefined where nothing fits, which is 406. A page that has no JSON form is HTML alone.
 */
export function chooseType(accept: string | null, format: string | null, isHtmlAlone = false): PageType | undefined {
  const offered = isHtmlAlone ? offers.filter((offer) => !offer.endsWith('+json')) : offers
  if (format !== null) return offered.find((offer) => offer === nameOf(format))
  if (accept === null || accept.trim() === '') return 'text/html'
  const wishes = parseAccept(accept)
  let best: { offer: PageType; quality: number; nearness: number } | undefined
  for (const offer of offered) {
    const wish = wishFor(wishes, offer)
    if (wish === undefined || wish.quality === 0) continue
    const { quality, nearness } = wish
    // By a wildcard alone nobody asks for JSON.
    const isBetter =
      best === undefined ||
      quality > best.quality ||
      (quality === best.quality && (nearness > best.nearness || (nearness === best.nearness && nearness < exact && offer === 'text/html')))
    if (isBetter) best = { offer, quality, nearness }
  }
  return best?.offer
}

/** Whether a browser asks, for a person: they all name XHTML, and no client of an index does. */
export function isBrowser(accept: string | null): boolean {
  return accept !== null && parseAccept(accept).some(({ type, quality }) => type === 'application/xhtml+xml' && quality > 0)
}

const exact = 2

/** The nearest range that covers a type decides, whatever others say (RFC 9110, 12.5.1). */
function wishFor(wishes: readonly Wish[], offer: PageType): { quality: number; nearness: number } | undefined {
  const ranges = ['*/*', `${offer.slice(0, offer.indexOf('/'))}/*`, offer]
  let found: { quality: number; nearness: number } | undefined
  for (const { type, quality } of wishes) {
    const nearness = ranges.indexOf(type)
    if (nearness >= 0 && (found === undefined || nearness > found.nearness)) found = { quality, nearness }
  }
  return found
}

const longestAccept = 2000

function parseAccept(accept: string): Wish[] {
  return accept
    .slice(0, longestAccept)
    .split(',')
    .map((part): Wish => {
      const [type = '', ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase())
      const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2)
      return { type: nameOf(type), quality: weight === undefined ? 1 : qualityOf(weight) }
    })
    .filter(({ type }) => type !== '')
}

function nameOf(type: string): string {
  const lower = type.trim().toLowerCase()
  return Object.hasOwn(aliases, lower) ? aliases[lower]! : lower
}

/** What is no weight counts as none given. */
function qualityOf(text: string): number {
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(text) ? Number(text) : 1
}
