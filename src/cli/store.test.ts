import assert from 'node:assert/strict'
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, beforeEach, describe, test } from 'node:test'
import { manualClock, type ManualClock } from '../../test/fakes/manual-clock.ts'
import { fakeTerminal } from '../../test/fakes/terminal.ts'
import { runCli } from './program.ts'

const root = mkdtempSync(path.join(tmpdir(), 'holdfast-store-cli-'))
after(() => rmSync(root, { recursive: true }))
let count = 0
let cwd = ''
let clock: ManualClock

async function holdfast(line: string, expected = 0): Promise<string> {
  const env = { PATH: process.env['PATH'], HOME: path.join(cwd, 'home'), USER: 'ann', NO_COLOR: '1', HOLDFAST_STORE_URL: 'file:./store' }
  const terminal = fakeTerminal({ cwd, env, clock })
  const exit = await runCli(line.split(' '), terminal.host)
  await clock.advance(3_600_000)
  assert.equal(exit, expected, `${line}: ${terminal.err()}`)
  return terminal.out()
}

async function result(line: string, expected = 0): Promise<Record<string, unknown>> {
  return (JSON.parse(await holdfast(`${line} --json`, expected)) as { result: Record<string, unknown> }).result
}

async function snapshot(content: string): Promise<void> {
  mkdirSync(path.join(cwd, 'tree'), { recursive: true })
  writeFileSync(path.join(cwd, 'tree/file'), content.repeat(1000))
  await holdfast('snapshot create tree --name line')
}

describe('holdfast store', () => {
  beforeEach(async () => {
    cwd = path.join(root, String(count++))
    clock = manualClock()
    await snapshot('first')
  })

  test('stats tells what is there by kind, and what nothing needs', async () => {
    const text = await holdfast('store stats')
    assert.match(text, /^kind +objects +size\npacks +1 [^]*\nall +\d+ [^]*\nall of it is needed\nfound out by \d+ requests to the store\n$/)
    await snapshot('second')
    await holdfast('snapshot forget line~1 --yes')
    const { kinds, unneeded, requests } = (await result('store stats')) as {
      kinds: { packs: { objects: number } }
      unneeded: { unreached: { objects: number } }
      requests: number
    }
    assert.equal(kinds.packs.objects, 2)
    assert.ok(unneeded.unreached.objects >= 1 && requests > 0)
    assert.match(await holdfast('store stats'), /\nprunes would give back \d+ objects, [^]* that nothing reaches/)
  })

  test('copy makes another store that gives everything back, and then follows', async () => {
    const dry = await result('store copy --to file:./backup --dry-run')
    assert.deepEqual([dry['dryRun'], dry['created']], [true, ['refs/snapshots/line.json']])
    assert.match(
      await holdfast('store copy --to file:./backup'),
      /^refs\/snapshots\/line\.json was made\ncopied 0 artifacts, .* 1 records; /,
    )
    assert.match(await holdfast('store copy --to file:./backup'), /^nothing to do/)
    await snapshot('second')
    assert.deepEqual((await result('store copy --to file:./backup'))['advanced'], ['refs/snapshots/line.json'])
    await holdfast('snapshot verify --read-data --store file:./backup')
    await holdfast('snapshot restore line~1 --to back --store file:./backup')
  })

  test('verify reads a part of everything by digest, and repairs no part', async () => {
    const whole = (await result('store verify --read-data')) as { packs: { read: number }; objects: { records: number } }
    const parts = await Promise.all([1, 2, 3].map((number) => result(`store verify --read-data=${number}/3`)))
    const sum = (of: (part: typeof whole) => number) => parts.reduce((all, part) => all + of(part as typeof whole), 0)
    assert.deepEqual([sum(({ packs }) => packs.read), sum(({ objects }) => objects.records)], [whole.packs.read, whole.objects.records])
    await holdfast('snapshot verify --read-data=2/3')
    for (const wrong of ['0/3', '4/3', '1/0', '3', '1/2/3']) await holdfast(`store verify --read-data=${wrong}`, 2)
    await holdfast('store verify --read-data=1/3 --repair', 2)
  })

  test('copy names a ref that has moved apart, and exits with 1', async () => {
    await holdfast('store copy --to file:./backup')
    await holdfast('snapshot tag latest --add theirs --store file:./backup')
    await holdfast('snapshot tag latest --add ours')
    assert.match(await holdfast('store copy --to file:./backup', 1), /^refs\/snapshots\/line\.json is different there/)
  })

  test('verify brings back from a copy what is damaged or gone, and prune deletes nothing where all refs are gone', async () => {
    await holdfast('store copy --to file:./backup')
    const inStore = (folder: string) => globSync(path.join(cwd, 'store', folder)).toSorted()
    const [record, pack] = [inStore('snapshots/*.json')[0]!, inStore('packs/*/*')[0]!]
    rmSync(record)
    writeFileSync(pack, readFileSync(pack).fill(1, 30, 60))
    assert.match(await holdfast('store verify --read-data', 1), /^missing: snapshots\/[^]*\ndamaged: packs\/[^]*\n2 damaged or missing\n$/)
    await holdfast('store verify --repair', 1)
    assert.match(await holdfast('store verify --repair-from file:./backup'), /all is whole\n[^]* {2}brought back: snapshots\//)
    rmSync(path.join(cwd, 'store/refs'), { recursive: true })
    await holdfast('store prune', 5)
    await holdfast('store copy --to file:./store --store file:./backup')
    await holdfast('store prune')
    await holdfast('snapshot verify --read-data')
  })
})
