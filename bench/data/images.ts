/**
 * Bundles of images as a workflow saves them: four images that share half of their bytes, each `docker save | gzip`, all in one zip as GitHub's
 * upload-artifact makes it; and the same with one layer changed. The content is of this machine's programs, so that it compresses as layers do.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, existsSync, linkSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'

/** How docker saves: since 25 under digests, before in a folder for each layer. */
export type SavedAs = 'docker 25' | 'docker 24'

export interface Bundle {
  readonly savedAs: SavedAs
  /** As a run's log has it. */
  readonly tag: string
  readonly zip: string
  /** In the order of the zip. */
  readonly tarballs: readonly { readonly image: string; readonly file: string }[]
  /** Bytes of all archives without their compression. */
  readonly plainBytes: number
}

export interface Bundles {
  readonly first: Bundle
  /** One layer of one image is another. */
  readonly second: Bundle
}

export const imageNames = ['presto-coordinator', 'presto-native-worker-cpu', 'presto-native-worker-gpu', 'presto-java-worker'] as const

const tags = {
  first: 'presto-92865fbce0d2-velox-65797d572e0a-linux-amd64',
  second: 'presto-92865fbce0d2-velox-0f1e2d3c4b5a-linux-amd64',
} as const
type Name = keyof typeof tags

const fileOf = (image: string, name: Name): string => `${image}-${tags[name]}.tar.gz`

/** Of the bytes of an image. */
const shared = [0.32, 0.13, 0.05]
const own = [0.34, 0.13, 0.03]

interface Layer {
  readonly file: string
  readonly hex: string
}

interface Image {
  readonly name: string
  readonly layers: readonly Layer[]
}

/** Makes them once, in a folder that stays: it takes a minute or two. `megabytes` is of all four images without compression. */
export async function makeBundles(megabytes: number, savedAs: SavedAs): Promise<Bundles> {
  const folder = path.join(os.tmpdir(), `holdfast-bench-images-${megabytes}-${savedAs.replace(' ', '-')}`)
  if (!existsSync(folder)) {
    const draft = mkdtempSync(`${folder}.draft-`)
    try {
      await writeBundles(draft, megabytes, savedAs)
      renameSync(draft, folder)
    } finally {
      rmSync(draft, { recursive: true, force: true })
    }
  }
  const bundle = (name: Name): Bundle => {
    const tarballs = imageNames.map((image) => ({ image, file: path.join(folder, name, fileOf(image, name)) }))
    return { savedAs, tag: tags[name], zip: path.join(folder, `${name}.zip`), tarballs, plainBytes: megabytes * 1e6 }
  }
  return { first: bundle('first'), second: bundle('second') }
}

async function writeBundles(folder: string, megabytes: number, savedAs: SavedAs): Promise<void> {
  const layers = await writeLayers(folder, (megabytes * 1e6) / imageNames.length)
  const base = layers.splice(0, shared.length)
  const first = imageNames.map((name) => ({ name, layers: [...base, ...layers.splice(0, own.length)] }))
  const changed = layers.splice(0, 1)
  const second = first.map((image, at) =>
    at < first.length - 1 ? image : { ...image, layers: image.layers.with(shared.length + 1, changed[0]!) },
  )
  for (const [name, images] of [
    ['first', first],
    ['second', second],
  ] as const) {
    mkdirSync(path.join(folder, name))
    for (const image of images) {
      const target = path.join(folder, name, fileOf(image.name, name))
      const before = path.join(folder, 'first', fileOf(image.name, 'first'))
      if (name === 'second' && first.includes(image)) linkSync(before, target)
      else saveImage(folder, image, savedAs, target)
    }
    // Into a pipe, so that entries have their sizes behind them, as those of upload-artifact do; and with its level of compression.
    sh(`cd ${path.join(folder, name)} && zip -q -6 - ${images.map((image) => fileOf(image.name, name)).join(' ')} | cat > ../${name}.zip`)
  }
  rmSync(path.join(folder, 'layers'), { recursive: true })
}

/** Those that are shared, those of each image, and one more. */
async function writeLayers(folder: string, imageBytes: number): Promise<Layer[]> {
  const target = path.join(folder, 'layers')
  mkdirSync(target)
  const sizes = [...shared, ...imageNames.flatMap(() => own), own.at(-2)!].map((share) => share * imageBytes)
  const files = programFiles('/usr')
  const made: Layer[] = []
  for (const [at, size] of sizes.entries()) {
    const list = path.join(target, `${at}.list`)
    const names: string[] = []
    for (let taken = 0; taken < size;) {
      const { value, done } = files.next()
      if (done === true)
        throw new Error(`there is too little in /usr of this machine to make images of ${Math.round(imageBytes / 1e6)} MB of it`)
      if (value.bytes > size / 3) continue
      names.push(value.file.slice(1))
      taken += value.bytes + 1024
    }
    writeFileSync(list, names.join('\0'))
    const file = path.join(target, `${at}.tar`)
    sh(`tar -C / --null --no-recursion -T ${list} ${likeDocker} -cf ${file}`)
    made.push({ file, hex: await hexOf(file) })
  }
  return made
}

const likeDocker = '--format=gnu --owner=0 --group=0 --numeric-owner --mtime=@0'

/** Libraries and programs beside their many small files, in an order that mixes them. */
function* programFiles(root: string): Generator<{ file: string; bytes: number }> {
  const found = execFileSync('find', [root, '-xdev', '-type', 'f', '-size', '-24M', '-printf', '%s %p\\0'], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  const files = found.split('\0').slice(0, -1)
  const order = new Map(files.map((line) => [line, createHash('sha256').update(line).digest('hex')]))
  for (const line of files.toSorted((a, b) => (order.get(a)! < order.get(b)! ? -1 : 1))) {
    const space = line.indexOf(' ')
    yield { file: line.slice(space + 1), bytes: Number(line.slice(0, space)) }
  }
}

async function hexOf(file: string): Promise<string> {
  const state = createHash('sha256')
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), state)
  return state.digest('hex')
}

/** `docker save IMAGE | gzip`. */
function saveImage(folder: string, { name, layers }: Image, savedAs: SavedAs, target: string): void {
  const stage = mkdtempSync(path.join(folder, 'stage-'))
  const put = (file: string, content: string) => {
    mkdirSync(path.dirname(path.join(stage, file)), { recursive: true })
    writeFileSync(path.join(stage, file), content)
  }
  const config = configOf(name, layers)
  const configHex = textHex(config)
  if (savedAs === 'docker 25') {
    mkdirSync(path.join(stage, 'blobs/sha256'), { recursive: true })
    for (const { file, hex } of layers) linkSync(file, path.join(stage, 'blobs/sha256', hex))
    put(`blobs/sha256/${configHex}`, config)
    const manifest = manifestOf(config, layers)
    put(`blobs/sha256/${textHex(manifest)}`, manifest)
    const mediaType = 'application/vnd.oci.image.manifest.v1+json'
    const manifests = [
      {
        mediaType,
        digest: `sha256:${textHex(manifest)}`,
        size: manifest.length,
        annotations: { 'org.opencontainers.image.ref.name': 'bench' },
      },
    ]
    put('index.json', JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests }))
    put('oci-layout', '{"imageLayoutVersion": "1.0.0"}')
    const list = [
      { Config: `blobs/sha256/${configHex}`, RepoTags: [`${name}:bench`], Layers: layers.map(({ hex }) => `blobs/sha256/${hex}`) },
    ]
    put('manifest.json', JSON.stringify(list))
  } else {
    // The id of a layer is of what it stands on and of itself, so that images with the same layers below have the same ids.
    let [chain, parent] = ['', '']
    const folders = layers.map(({ file, hex }) => {
      chain = chain === '' ? `sha256:${hex}` : `sha256:${textHex(`${chain} sha256:${hex}`)}`
      const text = JSON.stringify({ created: '1970-01-01T00:00:00Z', layer_id: chain, ...(parent === '' ? {} : { parent }) })
      parent = textHex(text)
      put(`${parent}/VERSION`, '1.0')
      put(`${parent}/json`, JSON.stringify({ id: parent, created: '1970-01-01T00:00:00Z' }))
      linkSync(file, path.join(stage, parent, 'layer.tar'))
      return `${parent}/layer.tar`
    })
    put(`${configHex}.json`, config)
    put('manifest.json', JSON.stringify([{ Config: `${configHex}.json`, RepoTags: [`${name}:bench`], Layers: folders }]))
  }
  sh(`tar -C ${stage} --sort=name --hard-dereference ${likeDocker} -cf - $(ls ${stage}) | gzip > ${target}`)
  rmSync(stage, { recursive: true })
}

function configOf(name: string, layers: readonly Layer[]): string {
  return JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    created: '1970-01-01T00:00:00Z',
    config: { Env: ['PATH=/usr/bin'], Entrypoint: [`/usr/bin/${name}`] },
    rootfs: { type: 'layers', diff_ids: layers.map(({ hex }) => `sha256:${hex}`) },
    history: layers.map((_, at) => ({ created: '1970-01-01T00:00:00Z', created_by: `COPY ${at}` })),
  })
}

function manifestOf(config: string, layers: readonly Layer[]): string {
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: `sha256:${textHex(config)}`, size: config.length },
    layers: layers.map(({ file, hex }) => ({
      mediaType: 'application/vnd.oci.image.layer.v1.tar',
      digest: `sha256:${hex}`,
      size: statSync(file).size,
    })),
  })
}

function textHex(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function sh(line: string): void {
  execFileSync('bash', ['-o', 'pipefail', '-c', line], { stdio: ['ignore', 'ignore', 'inherit'] })
}
