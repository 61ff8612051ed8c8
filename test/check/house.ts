/** The rules of the house as data and one pure function: sources in, offences out. `test/architecture.test.ts` applies them. */
import path from 'node:path'

export interface Source {
  /** Relative to the root, with slashes: `src/kit/fault.ts`. */
  readonly file: string
  readonly text: string
}

export interface Offence {
  readonly file: string
  readonly line: number
  readonly reason: string
}

/** Imports only go down. `src/NAME.ts` and `src/NAME/` are both the room NAME. */
export const floors: Readonly<Record<string, number>> = {
  kit: 0,
  store: 1,
  chunks: 2,
  manifest: 2,
  refs: 2,
  transfer: 3,
  oci: 4,
  snapshots: 4,
  releases: 5,
  'python-index': 5,
  images: 5,
  environments: 5,
  runs: 5,
  daemon: 6,
  server: 7,
  tracing: 7,
  config: 8,
  wire: 8,
  'open-environment': 9,
  cli: 9,
  testing: 10,
  index: 10,
}

const vagueNames = new Set(['util', 'utils', 'helper', 'helpers', 'common', 'types', 'services', 'manager', 'misc'])
const maxLines = 400
const maxFaceComment = 10

export function findOffences(sources: readonly Source[]): Offence[] {
  const offences = sources.flatMap((source) => [...offencesOfName(source), ...offencesOfText(source), ...offencesOfImports(source)])
  return [...offences, ...faceOffences(sources), ...cycleOffences(sources)]
}

export function describeOffence({ file, line, reason }: Offence): string {
  return `${file}:${line}: ${reason}`
}

interface Import {
  /** The file imported, relative to the root; or the bare name of a package. */
  readonly target: string
  readonly line: number
  readonly local: boolean
}

/** Static imports, re-exports and dynamic imports with a literal name. */
export function importsOf({ file, text }: Source): Import[] {
  const form =
    /(?:^|[\n;])\s*(?:import|export)\b[^'"`;()]*?\bfrom\s*(['"])([^'"\n]+)\1|(?:^|[\n;])\s*import\s*(['"])([^'"\n]+)\3|\bimport\(\s*(['"])([^'"\n]+)\5\s*\)/g
  return [...withoutComments(text).matchAll(form)].map((match) => {
    const specifier = match[2] ?? match[4] ?? match[6] ?? ''
    const line = lineAt(text, match.index + match[0].lastIndexOf(specifier))
    const local = specifier.startsWith('.')
    return { target: local ? path.posix.join(path.posix.dirname(file), specifier) : specifier, line, local }
  })
}

/** The package of a bare import: `@a/b/c` is of `@a/b`. */
export function packageOf(specifier: string): string {
  const parts = specifier.split('/')
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0]!
}

function roomOf(file: string): string {
  return file.split('/')[1]!.replace(/(\.test)?\.ts$/, '')
}

function isTest(file: string): boolean {
  return file.endsWith('.test.ts')
}

function offencesOfName({ file }: Source): Offence[] {
  const offences: Offence[] = []
  const parts = file.split('/').slice(1)
  for (const part of parts) {
    const name = part.replace(/(\.test)?\.ts$/, '')
    if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)) offences.push({ file, line: 1, reason: `the name ${part} is not kebab-case` })
    if (vagueNames.has(name))
      offences.push({ file, line: 1, reason: `the name ${name} says nothing: name the idea, or move it to the room that owns it` })
  }
  if (floors[roomOf(file)] === undefined) {
    offences.push({
      file,
      line: 1,
      reason: `the room ${roomOf(file)} has no floor: add it to the table in test/check/house.ts`,
    })
  }
  return offences
}

function offencesOfText({ file, text }: Source): Offence[] {
  const offences: Offence[] = []
  const lines = text.split('\n')
  if (!isTest(file) && lines.length - 1 > maxLines) {
    offences.push({ file, line: maxLines + 1, reason: `the file has more than ${maxLines} lines: look for the second idea in it` })
  }
  withoutComments(text)
    .split('\n')
    .forEach((code, index) => {
      const offend = (reason: string) => offences.push({ file, line: index + 1, reason })
      if (/^\s*export\s+default\b|^\s*export\s*\{[^}]*\bas\s+default\b/.test(code)) offend('a default export: give it a name')
      if (!isTest(file) && /\bmkdir(?:Sync)?\(.*\brecursive: true/.test(code))
        offend("Node's recursive mkdir may never end: makeDirectories of kit")
      if (isTest(file) || !isSealed(file)) return
      const worldly = /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bprocess\.(?:env|argv|cwd\(\)|exit\b)/.exec(code)
      if (worldly !== null) offend(`${worldly[0]} outside of the edge: clock, randomness, environment and arguments are passed in`)
    })
  return offences
}

/** Everything but the system clock, the composition root, what opens an environment for a program, and the command line. */
function isSealed(file: string): boolean {
  return file !== 'src/kit/clock.ts' && !['cli', 'open-environment', 'wire'].includes(roomOf(file))
}

function offencesOfImports(source: Source): Offence[] {
  if (isTest(source.file)) return []
  const { file } = source
  const room = roomOf(file)
  const offences: Offence[] = []
  for (const { target, line, local } of importsOf(source)) {
    const offend = (reason: string) => offences.push({ file, line, reason })
    if (!local) continue
    if (!target.startsWith('src/')) {
      if (!target.endsWith('.json')) offend(`imports ${target}: src/ imports only from src/`)
      continue
    }
    if (target.endsWith('.test.ts')) offend(`imports the test ${target}`)
    const other = roomOf(target)
    if (other === room) continue
    const here = floors[room] ?? 0
    const there = floors[other] ?? 0
    if (there > here) offend(`imports up: ${room} is on floor ${here}, ${other} on ${there}`)
    else if (there === here && !(room === 'wire' && other === 'config'))
      offend(`imports a neighbour: ${room} and ${other} are both on floor ${here}`)
    else if (!isFrontDoor(target)) offend(`imports ${target} past the front door: another room is imported through its index.ts`)
  }
  return offences
}

/**
 * Rooms within a room: kit/sys loads a native library on demand, and kit/http the clients of HTTP and TLS, and few read archives with kit/tar and kit/zip: none
 * is part of what everybody imports with kit;
 * attributes of entries are needed where all else of snapshots would only be loaded for nothing; the generator of runs and their client are
 * started every few minutes, and neither needs anything of the other.
 */
const innerDoors = new Set([
  'src/store/conformance/index.ts',
  'src/kit/http/index.ts',
  'src/kit/sys/index.ts',
  'src/kit/tar/index.ts',
  'src/kit/zip/index.ts',
  'src/snapshots/attributes/index.ts',
  'src/runs/generate/index.ts',
  'src/runs/sync/index.ts',
])

function isFrontDoor(target: string): boolean {
  return /^src\/[^/]+\.ts$/.test(target) || /^src\/[^/]+\/index\.ts$/.test(target) || innerDoors.has(target)
}

/** Every room has an index.ts that begins with a comment of at most ten lines on what it promises and never does. */
function faceOffences(sources: readonly Source[]): Offence[] {
  const rooms = new Set(sources.filter(({ file }) => file.split('/').length > 2).map(({ file }) => roomOf(file)))
  return [...rooms].flatMap((room): Offence[] => {
    // The command line is where the program starts, and nothing imports it.
    if (room === 'cli') return []
    const file = `src/${room}/index.ts`
    const face = sources.find((source) => source.file === file)
    if (face === undefined) return [{ file, line: 1, reason: `the room ${room} has no index.ts` }]
    const comment = /^\s*(\/\*[\s\S]*?\*\/|(?:\/\/[^\n]*\n)+)/.exec(face.text)
    if (comment === null) return [{ file, line: 1, reason: 'it does not begin with a comment on what the room promises and never does' }]
    const lines = comment[1]!.trim().split('\n').length
    return lines > maxFaceComment ? [{ file, line: 1, reason: `its first comment has ${lines} lines, more than ${maxFaceComment}` }] : []
  })
}

/** Cycles of files, each told once, at the import that closes it. */
function cycleOffences(sources: readonly Source[]): Offence[] {
  const byFile = new Map(sources.map((source) => [source.file, source]))
  const done = new Set<string>()
  const trail: string[] = []
  const offences: Offence[] = []
  const visit = (file: string) => {
    const source = byFile.get(file)
    if (source === undefined || done.has(file)) return
    trail.push(file)
    for (const { target, line, local } of importsOf(source)) {
      if (!local) continue
      const start = trail.indexOf(target)
      if (start >= 0) offences.push({ file, line, reason: `closes a cycle of imports: ${[...trail.slice(start), target].join(' -> ')}` })
      else visit(target)
    }
    trail.pop()
    done.add(file)
  }
  for (const { file } of sources) visit(file)
  return offences
}

/** The text with comments blanked out, and every line still where it was. */
export function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g, (found) =>
    found.startsWith('/*') || found.startsWith('//') ? found.replaceAll(/[^\n]/g, ' ') : found,
  )
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}
