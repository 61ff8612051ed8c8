import { countsOf, noise, openYard, printTable } from './yard.ts'

const configuration = `
[store]
url = "file:./store"
[release.rcclx]
artifact = "out/librcclx-dev.a"
variant_flag = "rocm-version"
variants = { "6.4" = { constraint = "6.4.2" } }
publish = "file:./tree"
`
const variant = 'rcclx --rocm-version 6.4'
const ref = 'refs/releases/rcclx/6.4.json'
const artifact = 4096
const limit = 16 << 20

/** Releases of one file each. */
export async function measureReleases(): Promise<void> {
  const yard = openYard(configuration)
  let count = 0
  const release = async () => {
    yard.write('out/librcclx-dev.a', noise(artifact, ++count))
    return await yard.run(`release create ${variant} --no-build --message nightly-${1000 + count}`)
  }
  const refAt = async (releases: number) => {
    while (count < releases) await release()
    return yard.refBytes(ref)
  }
  const [early, late] = [await refAt(20), await refAt(60)]
  const each = (late - early) / 40
  const records = yard.size('store/snapshots/*.json')
  const create = await release()
  const list = await yard.run(`release list ${variant}`)
  const idle = await yard.run(`release reconcile ${variant}`)
  const rollback = await yard.run(`release rollback ${variant}`)
  const fetch = await yard.run(`release fetch ${variant} --output fetched.a`)
  await yard.run('release prune rcclx --keep 5')
  const moved = async (moves: number) => {
    for (let at = 0; at < moves; at++) {
      await release()
      await yard.run('release prune rcclx --keep 5')
    }
    return yard.refBytes(ref)
  }
  const [before, after] = [await moved(5), await moved(15)]
  yard.remove()
  printTable(
    'Releases of one file',
    ['what', 'figure'],
    [
      ['bytes of a release beside its files: its record', Math.round(records.bytes / records.files)],
      ['bytes that its ref grows by, with its archive', Math.round(each)],
      ['archives of one variant until its ref has 16 MiB', Math.floor(limit / each)],
      ['bytes that the ref grows by where each release is followed by a prune', Math.round((after - before) / 15)],
      ['releases of one variant with prunes until its ref has 16 MiB', Math.floor(limit / ((after - before) / 15))],
      ['requests of `release create` (with 61 archives)', countsOf(create)],
      ['of `release list`', countsOf(list)],
      ['of `release rollback`', countsOf(rollback)],
      ['of `release fetch`', countsOf(fetch)],
      ['of `release reconcile` with nothing to do', countsOf(idle)],
    ],
  )
}
