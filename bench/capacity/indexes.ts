import { globSync } from 'node:fs'
import path from 'node:path'
import { buildWheel } from '../../test/fakes/distributions.ts'
import { countsOf, openYard, printTable, type Yard } from './yard.ts'

const configuration = `
[store]
url = "file:./store"
[index]
bucket = "file:./wheels"
prefixes = ["staging", "v2"]
`

/** An index of projects with ten wheels each. */
export async function measureIndexes(): Promise<void> {
  const yard = openYard(configuration)
  let projects = 0
  const add = (count: number) => {
    for (const end = projects + count; projects < end; projects++)
      for (let version = 1; version <= 10; version++) upload(yard, `project-${projects}`, `${version}.0`)
  }
  const looked = () => ({
    records: sizeOfRecords(yard),
    pages: yard.size('wheels/staging/**/index.*').bytes,
    companions: yard.size('wheels/staging/*.metadata').bytes,
  })
  add(20)
  const first = await yard.run('index publish staging')
  const before = looked()
  add(20)
  await yard.run('index publish staging')
  const after = looked()
  const idle = await yard.run('index publish staging')
  upload(yard, 'project-0', '11.0')
  const sizes = sizeOfRecords(yard)
  const one = await yard.run('index publish staging')
  const added = sizeOfRecords(yard) - sizes
  const promote = await yard.run('index promote staging v2')
  const growth = await growthOfRef(yard)
  yard.remove()
  const wheels = 200
  printTable(
    'An index of 40 projects with ten wheels each',
    ['what', 'figure'],
    [
      [
        'bytes in the store for a wheel: its project record, when it was last changed',
        Math.round((after.records - before.records) / wheels),
      ],
      ['bytes in the bucket for a wheel: pages in HTML and JSON', Math.round((after.pages - before.pages) / wheels)],
      ['and its METADATA', Math.round((after.companions - before.companions) / wheels)],
      ['bytes of records that a generation with one new wheel adds', added],
      ['bytes that the ref grows by with a generation, while 10 are kept', Math.round(growth)],
      ['requests of the first `index publish`, of 200 wheels', countsOf(first)],
      ['where nothing changed', countsOf(idle)],
      ['of one new wheel', countsOf(one)],
      ['of `index promote` of 401 wheels', countsOf(promote)],
    ],
  )
}

function upload(yard: Yard, name: string, version: string): void {
  const wheel = buildWheel({ name, version, size: 1000 })
  yard.write(`wheels/staging/${wheel.file}`, wheel.bytes)
}

function sizeOfRecords(yard: Yard): number {
  return yard.size('store/snapshots/*.json').bytes
}

async function growthOfRef(yard: Yard): Promise<number> {
  const sizes: number[] = []
  let version = 20
  for (let round = 0; round < 3; round++) {
    for (let at = 0; at < 10; at++) {
      upload(yard, 'project-0', `${version++}.0`)
      await yard.run('index publish staging')
    }
    const [ref] = globSync(yard.at('store/refs/index/*.json'))
    sizes.push(yard.refBytes(`refs/index/${path.basename(ref!)}`))
  }
  return (sizes[2]! - sizes[1]!) / 10
}
