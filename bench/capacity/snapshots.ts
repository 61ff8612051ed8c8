import { readFileSync, rmSync } from 'node:fs'
import { countsOf, noise, openYard, printTable, type Yard } from './yard.ts'

const files = 2000
const fileBytes = 16 << 10
const large = 64 << 20
const limit = 16 << 20

/** A tree of 2,000 files of 16 KiB, half of each text, and what versions of it add. */
export async function measureSnapshots(): Promise<void> {
  const yard = openYard('[store]\nurl = "file:./store"\n')
  for (let at = 0; at < files; at++) writeHalfText(yard, at, at)
  const stored = () => yard.size('store/packs/*/*').bytes
  const create = async (name: string) => {
    const before = stored()
    return { done: await yard.run(`snapshot create tree --name ${name}`), added: stored() - before }
  }
  const first = await create('one')
  const same = await create('one')
  for (let at = 0; at < files; at += 100) writeHalfText(yard, at, files + at)
  const changed = await create('one')
  const other = await create('two')
  const restore = await yard.run('snapshot restore one --to back')
  const [chunks, index] = [
    Number((await yard.run('store verify')).result['packs'] && (await chunksOf(yard))),
    yard.size('store/index/*').bytes,
  ]
  const each = await growthOfRef(yard)
  rmSync(yard.at('tree'), { recursive: true })
  yard.write('tree/disk.img', noise(large, 1))
  const image = await create('image')
  yard.write('tree/disk.img', Buffer.concat([Buffer.from('one line more'), readFileSync(yard.at('tree/disk.img'))]))
  const shifted = await create('image')
  const prune = await yard.run('store prune')
  const verify = await yard.run('store verify')
  yard.remove()
  const logical = files * fileBytes
  const share = (bytes: number, of: number) => `${bytes.toLocaleString('en-US')} (${((100 * bytes) / of).toFixed(2)} %)`
  printTable(
    `Snapshots of ${files.toLocaleString('en-US')} files of 16 KiB, half noise and half text`,
    ['what', 'figure'],
    [
      ['bytes stored by the first, of those in the tree', share(first.added, logical)],
      ['by the next one, where nothing changed', share(same.added, logical)],
      ['where 1 % of the files are new', share(changed.added, logical)],
      ['of the same tree under another name', share(other.added, logical)],
      ['of a file of 64 MiB of noise', share(image.added, large)],
      ['of the same with a line put before it', share(shifted.added, large)],
      ['bytes of index for a chunk or node', Math.round(index / chunks)],
      ['bytes that the ref of a name grows by with a snapshot', Math.round(each)],
      ['snapshots of a name until its ref has 16 MiB', Math.floor(limit / each)],
      ['requests of the first `snapshot create`', countsOf(first.done)],
      ['where nothing changed', countsOf(same.done)],
      ['where 1 % changed', countsOf(changed.done)],
      ['of `snapshot restore`', countsOf(restore)],
      ['of `store prune` with nothing to do', countsOf(prune)],
      ['of `store verify`', countsOf(verify)],
    ],
  )
}

function writeHalfText(yard: Yard, at: number, seed: number): void {
  const text = Buffer.alloc(fileBytes / 2, `file ${seed}: the quick brown fox jumps over the lazy dog\n`)
  yard.write(`tree/${at % 20}/${at}`, Buffer.concat([noise(fileBytes / 2, seed), text]))
}

async function chunksOf(yard: Yard): Promise<number> {
  return ((await yard.run('store verify')).result['packs'] as { chunks: number }).chunks
}

async function growthOfRef(yard: Yard): Promise<number> {
  const ref = 'refs/snapshots/one.json'
  const sizes: number[] = []
  for (let round = 0; round < 2; round++) {
    for (let at = 0; at < 10; at++) await yard.run('snapshot create tree/0 --name one --message nightly')
    sizes.push(yard.refBytes(ref))
  }
  return (sizes[1]! - sizes[0]!) / 10
}
