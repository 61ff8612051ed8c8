/** Wheels and source distributions built on the spot: right ones, which pip installs, and wrong ones. The same recipe gives the same bytes. */
import { createCipheriv, hash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { type Digest, digestOf } from '../../src/kit/index.ts'
import { type TarForm, tarBytes } from './tar-bytes.ts'
import { type ZipMember, zipBytes } from './zip-bytes.ts'

export interface BuiltDistribution {
  readonly file: string
  readonly bytes: Uint8Array
  readonly digest: Digest
  /** Its METADATA or PKG-INFO, and that one's digest. */
  readonly metadata: Uint8Array
  readonly metadataDigest: Digest
}

/** What METADATA and PKG-INFO say. */
interface Facts {
  /** As its author writes it: `Foo.Bar`; the file name has `Foo_Bar`. */
  readonly name: string
  readonly version: string
  readonly requires?: readonly string[] | undefined
  readonly requiresPython?: string | undefined
  readonly extras?: readonly string[] | undefined
  /** Further lines of the metadata, such as `Keywords: gpu`. */
  readonly fields?: readonly string[] | undefined
  /** Instead of all of them. */
  readonly metadata?: string | Uint8Array | undefined
}

export interface WheelRecipe extends Facts {
  /** `py3-none-any` if not given. */
  readonly tags?: string | undefined
  readonly build?: string | undefined
  /** Bytes of random payload, stored as they are. */
  readonly size?: number | undefined
  /** Another number gives another payload: same name, other bytes. */
  readonly seed?: number | undefined
  /** The dist-info folder is the first of the zip, not the last as wheels should have it. */
  readonly metadataFirst?: boolean | undefined
  readonly zip64?: boolean | undefined
  /** Every member is written as from a stream, with its sizes after it. */
  readonly streamed?: boolean | undefined
  /** METADATA is stored as it is. */
  readonly storedMetadata?: boolean | undefined
  readonly comment?: Uint8Array | undefined
  /** Further files by path. */
  readonly files?: Readonly<Record<string, string | Uint8Array>> | undefined
  readonly broken?: BrokenWheel | undefined
}

export type BrokenWheel =
  | 'no-zip'
  | 'truncated'
  | 'no-metadata'
  | 'other-name'
  | 'other-version'
  | 'other-dist-info'
  | 'two-dist-infos'
  | 'two-metadata'
  | 'bomb'
  | 'encrypted'
  | 'unknown-method'
  | 'lying-size'
  | 'lying-stored-size'
  | 'lying-offset'
  | 'lying-directory'
  | 'bad-checksum'

export function buildWheel(recipe: WheelRecipe): BuiltDistribution {
  const { broken, tags = 'py3-none-any' } = recipe
  const stem = `${escapeName(recipe.name)}-${escapeVersion(recipe.version)}`
  const file = `${stem}${recipe.build === undefined ? '' : `-${recipe.build}`}-${tags}.whl`
  const metadata = metadataOf(recipe, broken)
  const info = `${broken === 'other-dist-info' ? `other-${escapeVersion(recipe.version)}` : stem}.dist-info`
  const content = contentOf(recipe)
  const about = [
    ...(broken === 'no-metadata' ? [] : [metadataMember(`${info}/METADATA`, metadata, recipe)]),
    ...(broken === 'two-metadata'
      ? [{ name: `${info}/METADATA`, content: Buffer.from('Metadata-Version: 2.1\nName: x\nVersion: 1\n') }]
      : []),
    ...(broken === 'two-dist-infos' ? [{ name: `other-1.dist-info/METADATA`, content: metadata }] : []),
    { name: `${info}/WHEEL`, content: wheelFile(tags, recipe.build) },
  ]
  const record = { name: `${info}/RECORD`, content: recordOf([...content, ...about], `${info}/RECORD`) }
  const members = recipe.metadataFirst ? [...about, record, ...content] : [...content, ...about, record]
  const bytes = zipBytes(
    members.map((member) => ({ ...member, isStreamed: recipe.streamed })),
    { zip64: recipe.zip64, comment: recipe.comment, ...(broken === 'lying-directory' ? { says: { offset: 7 } } : {}) },
  )
  return built(file, spoilt(bytes, broken), metadata)
}

export interface SdistRecipe extends Facts {
  readonly form?: 'tar.gz' | 'zip' | undefined
  readonly tar?: TarForm | undefined
  readonly size?: number | undefined
  readonly seed?: number | undefined
  readonly files?: Readonly<Record<string, string | Uint8Array>> | undefined
  readonly broken?: BrokenSdist | undefined
}

export type BrokenSdist =
  | 'no-archive'
  | 'truncated'
  | 'no-metadata'
  | 'other-name'
  | 'other-version'
  | 'bomb'
  | 'big-metadata'
  | 'lying-size'
  | 'bad-header'

/** It brings its own build backend, so that pip makes a wheel of it with nothing else. */
export function buildSdist(recipe: SdistRecipe): BuiltDistribution {
  const { broken, form = 'tar.gz' } = recipe
  const top = `${escapeName(recipe.name).toLowerCase()}-${escapeVersion(recipe.version)}`
  const metadata = metadataOf(recipe, broken === 'big-metadata' ? 'bomb' : broken)
  const members: SourceFile[] = [
    ...(broken === 'bomb' ? [{ name: 'zeros.bin', content: new Uint8Array(96 << 20) }] : []),
    ...(broken === 'no-metadata' ? [] : [{ name: 'PKG-INFO', content: metadata, ...liesOf(broken, metadata.byteLength) }]),
    { name: 'pyproject.toml', content: Buffer.from('[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n') },
    { name: 'backend.py', content: Buffer.from(backend) },
    ...contentOf(recipe),
  ]
  const inside = members.map(({ content, says, name }) => ({ content, says, name: `${top}/${name}` }))
  const bytes = form === 'zip' ? zipBytes(inside) : gzipSync(tarBytes(inside, recipe.tar))
  return built(`${top}.${form}`, spoilt(bytes, broken), metadata)
}

interface SourceFile {
  readonly name: string
  readonly content: Uint8Array
  readonly says?: { readonly size?: number; readonly checksum?: number } | undefined
}

function liesOf(broken: BrokenSdist | undefined, size: number): Pick<SourceFile, 'says'> {
  if (broken === 'lying-size') return { says: { size: size + 7_000_000 } }
  return broken === 'bad-header' ? { says: { size, checksum: 1 } } : {}
}

function built(file: string, bytes: Uint8Array, metadata: Uint8Array): BuiltDistribution {
  return { file, bytes, digest: digestOf(bytes), metadata, metadataDigest: digestOf(metadata) }
}

function metadataOf(facts: Facts, broken: string | undefined): Uint8Array {
  if (facts.metadata !== undefined) return Buffer.from(facts.metadata)
  const lines = [
    'Metadata-Version: 2.1',
    `Name: ${broken === 'other-name' ? 'somebody-else' : facts.name}`,
    `Version: ${broken === 'other-version' ? '99.9' : facts.version}`,
    'Summary: Made for a test',
    ...(facts.requiresPython === undefined ? [] : [`Requires-Python: ${facts.requiresPython}`]),
    ...(facts.requires ?? []).map((requirement) => `Requires-Dist: ${requirement}`),
    ...(facts.extras ?? []).map((extra) => `Provides-Extra: ${extra}`),
    ...(facts.fields ?? []),
  ]
  const text = Buffer.from(`${lines.join('\n')}\n\n# ${facts.name}\n`)
  return broken === 'bomb' ? Buffer.concat([text, Buffer.alloc(16 << 20, 0x20)]) : text
}

function metadataMember(name: string, content: Uint8Array, { broken, storedMetadata }: WheelRecipe): ZipMember {
  const member: ZipMember = { name, content, isStored: storedMetadata }
  if (broken === 'encrypted') return { ...member, flags: 0x1 }
  if (broken === 'unknown-method') return { ...member, says: { method: 93 } }
  if (broken === 'lying-size') return { ...member, says: { size: 7 } }
  if (broken === 'lying-stored-size') return { ...member, says: { stored: 0x7000_0000 } }
  if (broken === 'lying-offset') return { ...member, says: { offset: 0x7000_0000 } }
  if (broken === 'bad-checksum') return { ...member, says: { crc: 7 } }
  return member
}

function spoilt(bytes: Buffer, broken: string | undefined): Uint8Array {
  if (broken === 'truncated') return bytes.subarray(0, Math.floor(bytes.byteLength * 0.7))
  if (broken === 'no-zip' || broken === 'no-archive') return Buffer.from('<html>this is not the file that you asked for</html>'.repeat(20))
  return bytes
}

function contentOf({ name, version, size = 0, seed = 0, files = {} }: Facts & Pick<WheelRecipe, 'size' | 'seed' | 'files'>): ZipMember[] {
  const module = escapeName(name).toLowerCase()
  const payload = size === 0 ? [] : [{ name: `${module}/payload.bin`, content: noise(size, `${name} ${version} ${seed}`), isStored: true }]
  return [
    { name: `${module}/__init__.py`, content: Buffer.from(`__version__ = ${JSON.stringify(version)}\nseed = ${seed}\n`) },
    ...payload,
    ...Object.entries(files).map(([path, content]) => ({ name: path, content: Buffer.from(content) })),
  ]
}

/** Bytes that do not compress and follow from the text alone. */
function noise(size: number, text: string): Buffer {
  return createCipheriv('aes-128-ctr', hash('md5', text, 'buffer'), Buffer.alloc(16)).update(Buffer.alloc(size))
}

function wheelFile(tags: string, build: string | undefined): Uint8Array {
  const [pythons = '', abis = '', platforms = ''] = tags.split('-')
  const each = pythons
    .split('.')
    .flatMap((python) => abis.split('.').flatMap((abi) => platforms.split('.').map((p) => `${python}-${abi}-${p}`)))
  const lines = ['Wheel-Version: 1.0', 'Generator: test', `Root-Is-Purelib: ${platforms === 'any'}`, ...each.map((tag) => `Tag: ${tag}`)]
  return Buffer.from(`${[...lines, ...(build === undefined ? [] : [`Build: ${build}`])].join('\n')}\n`)
}

function recordOf(members: readonly ZipMember[], self: string): Uint8Array {
  const lines = members.map(({ name, content }) => `${name},sha256=${hash('sha256', content, 'base64url')},${content.byteLength}`)
  return Buffer.from(`${[...lines, `${self},,`].join('\n')}\n`)
}

/** As build tools write a name into a file name. */
function escapeName(name: string): string {
  return name.replaceAll(/[-_.]+/g, '_')
}

function escapeVersion(version: string): string {
  return version.replaceAll('-', '_')
}

const backend = `import os, re, zipfile

def _info():
    return open("PKG-INFO", "rb").read()

def _stem():
    text = _info().decode()
    name = re.search(r"^Name: *(.+)$", text, re.M)[1]
    version = re.search(r"^Version: *(.+)$", text, re.M)[1]
    return re.sub(r"[-_.]+", "_", name).lower() + "-" + version.replace("-", "_")

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    stem = _stem()
    file = stem + "-py3-none-any.whl"
    names = []
    with zipfile.ZipFile(os.path.join(wheel_directory, file), "w") as wheel:
        def put(name, content):
            names.append(name)
            wheel.writestr(name, content)
        module = stem.split("-")[0]
        for entry in sorted(os.listdir(module)):
            put(module + "/" + entry, open(os.path.join(module, entry), "rb").read())
        put(stem + ".dist-info/METADATA", _info())
        put(stem + ".dist-info/WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        put(stem + ".dist-info/RECORD", "".join(name + ",,\\n" for name in names + [stem + ".dist-info/RECORD"]))
    return file
`
