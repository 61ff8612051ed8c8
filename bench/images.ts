/**
 * Four images that share half of their bytes (1.5 GB, as a workflow saves them), brought into a real registry: beside skopeo, and beside the way
 * of the originals, which downloads the artifact, unpacks it and pushes each tarball (here by skopeo in place of docker). `npm run bench:images`.
 * Every command is a whole process; each round of each peer has a registry of its own; peers take turns.
 *
 *   --megabytes 1500            of all images without compression; --small: 150
 *   --rounds 3
 *   --peers skopeo,seed,sync,copy
 *   --saved-as 25               or 24: as that version of docker saves
 *
 * The images are made once, of this machine's programs, in its folder for temporary files. Bytes and requests are counted in a round of their own.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { type GitHubStandIn, startGitHub } from '../test/fakes/github/github.ts'
import { type FakeGitLab, startGitLab } from '../test/fakes/gitlab/server.ts'
import { ensureDebianPackages } from '../test/services/install.ts'
import { findRegistry } from '../test/services/registry.ts'
import { startCountingProxy } from './data/counting-proxy.ts'
import { type Bundle, type Bundles, makeBundles } from './data/images.ts'
import { type Cost, measureWithin } from './data/measure.ts'

const { values: flags } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '1500' },
    small: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    peers: { type: 'string', default: 'skopeo,seed,sync,copy' },
    'saved-as': { type: 'string', default: '25' },
  },
})
const holdfast = `${process.execPath} ${path.join(import.meta.dirname, '../bin/holdfast.cjs')}`
const project = 'bench/images'
const folderOfArchitecture = 'x86'
/** Where skopeo remembers, as root, which blobs registries have. */
const skopeoMemory = '/var/lib/containers/cache/blob-info-cache-v1.boltdb'
const patience = 1200
const token = 'glpat-of-the-tests'

interface Scene {
  readonly bundles: Bundles
  readonly github: GitHubStandIn
  readonly gitlab: FakeGitLab
  /** `127.0.0.1:PORT` */
  readonly registry: string
  /** Of this peer in this round. */
  readonly folder: string
}

type Case = 'first' | 'one layer changed' | 'nothing new' | 'retag'

/** Shell lines. A case without one is not what the peer does. */
type Peer = (scene: Scene) => Partial<Record<Case, string>>

interface Figures extends Cost {
  readonly requests: number
  readonly sent: number
  /** To GitHub, its storage and GitLab. */
  readonly others: number
}

const peers: Readonly<Record<string, { readonly name: string; readonly lines: Peer }>> = {
  skopeo: {
    name: 'gunzip, skopeo, from local .tar.gz',
    lines: (scene) => ({
      first: pushLocally(scene, scene.bundles.first),
      'one layer changed': pushLocally(scene, scene.bundles.second),
      retag: `skopeo copy -q --src-tls-verify=false --dest-tls-verify=false docker://${imageOf(scene, scene.bundles.first)} docker://${latestOf(scene)}`,
    }),
  },
  seed: {
    name: 'the original way: download, unzip, gunzip, skopeo',
    lines: (scene) => ({
      first: originalWay(scene, scene.bundles.first, 0),
      'one layer changed': originalWay(scene, scene.bundles.second, 1),
    }),
  },
  sync: {
    name: 'holdfast images sync',
    lines: (scene) => ({
      first: `${ours(scene)} sync ${scene.bundles.first.tag} --quiet`,
      'one layer changed': `${ours(scene)} sync ${scene.bundles.second.tag} --quiet`,
      'nothing new': `${ours(scene)} daemon --once --quiet`,
      retag: `${ours(scene)} retag ${withoutHost(scene, imageOf(scene, scene.bundles.first))} ${withoutHost(scene, latestOf(scene))} --quiet`,
    }),
  },
  copy: {
    name: 'holdfast images copy, from local .tar.gz',
    lines: (scene) => ({ first: copyLocally(scene, scene.bundles.first), 'one layer changed': copyLocally(scene, scene.bundles.second) }),
  },
}

function imageOf({ registry }: Scene, bundle: Bundle, image = 'presto-coordinator'): string {
  return `${registry}/${project}/${folderOfArchitecture}/${image}:${bundle.tag.replace(/-linux-amd64$/, '')}`
}

function latestOf(scene: Scene): string {
  return imageOf(scene, scene.bundles.first).replace(/:[^:/]*$/, ':latest')
}

function withoutHost({ registry }: Scene, image: string): string {
  return image.slice(`${registry}/${project}/`.length)
}

function pushLocally(scene: Scene, bundle: Bundle): string {
  const plain = path.join(scene.folder, 'plain.tar')
  return bundle.tarballs
    .map(({ image, file }) => `gunzip -c ${file} > ${plain} && ${skopeoPush(plain, imageOf(scene, bundle, image))} && rm ${plain}`)
    .join(' && ')
}

function skopeoPush(tar: string, image: string): string {
  return `skopeo copy -q --dest-tls-verify=false docker-archive:${tar} docker://${image}`
}

function originalWay(scene: Scene, bundle: Bundle, which: number): string {
  const { github, folder } = scene
  const work = path.join(folder, 'downloads')
  const address = `${github.api}/repos/${github.repo}/actions/artifacts/${artifactId(which)}/zip`
  const pushes = bundle.tarballs.map(({ image, file }) => {
    const packed = path.join(work, path.basename(file))
    return `gunzip ${packed} && ${skopeoPush(packed.replace(/\.gz$/, ''), imageOf(scene, bundle, image))}`
  })
  const download = `curl -sSfL -H 'Authorization: Bearer ${github.token}' -o ${work}/artifact.zip ${address}`
  return [`mkdir ${work}`, download, `unzip -q ${work}/artifact.zip -d ${work}`, ...pushes, `rm -r ${work}`].join(' && ')
}

function ours({ folder }: Scene): string {
  return `cd ${folder} && ${holdfast} images`
}

function copyLocally(scene: Scene, bundle: Bundle): string {
  const copies = bundle.tarballs.map(({ image, file }) => {
    const others = bundle.tarballs.filter((other) => other.image !== image)
    const from = others.map((other) => `--mount-from ${project}/${folderOfArchitecture}/${other.image}`)
    return `${holdfast} images copy docker-archive:${file} docker://${imageOf(scene, bundle, image)} ${from.join(' ')} --quiet`
  })
  return [`cd ${scene.folder}`, ...copies].join(' && ')
}

function artifactId(which: number): number {
  return 4_000_001 + which
}

function runsOf({ first, second }: Bundles) {
  return [first, second].map(({ tag, zip }, which) => ({
    tag,
    fields: { 'Worker bundle mode': 'all', 'Build Java worker': 'true' },
    artifacts: [{ name: 'presto-images', id: artifactId(which), content: { file: zip } }],
  }))
}

/** All cases of a peer, one after the other, in a new registry. */
async function round(peer: string, bundles: Bundles, isCounting: boolean): Promise<Map<Case, Figures>> {
  const server = await findRegistry('plain')
  const proxy = isCounting ? await startCountingProxy(server.host) : undefined
  const registry = proxy?.host ?? server.host
  const github = await startGitHub({ runs: [] })
  const gitlab = await startGitLab({ project, token, registry: { url: server.url } })
  const folder = mkdtempSync(path.join(os.tmpdir(), 'holdfast-bench-images-run-'))
  rmSync(skopeoMemory, { force: true })
  try {
    const scene: Scene = { bundles, github, gitlab, registry, folder }
    const env = environment(scene)
    // What was compiled by an earlier start is found, as on any machine that is in use.
    await measureWithin(`${holdfast} images sync --help > ${folder}/help`, patience, env)
    const figures = new Map<Case, Figures>()
    for (const [name, line] of Object.entries(peers[peer]!.lines(scene)) as [Case, string][]) {
      const run = runsOf(bundles)[name === 'first' ? 0 : 1]!
      if (name === 'first' || name === 'one layer changed') github.add(run)
      const before = { ...proxy?.counts(), others: othersOf(scene) }
      const cost = await measureWithin(line, patience, env)
      if (cost === undefined) throw new Error(`${peers[peer]!.name}, ${name}: more than ${patience} s`)
      const { requests = 0, sent = 0 } = proxy?.counts() ?? {}
      const counted = { requests: requests - (before.requests ?? 0), sent: (sent - (before.sent ?? 0)) / 1e6 }
      figures.set(name, { ...cost, ...counted, others: othersOf(scene) - before.others })
      process.stderr.write(
        `${isCounting ? 'counted' : 'timed'}: ${peer}, ${name}: ${cost.wall.toFixed(2)} s, ${cost.cpu.toFixed(1)} of CPU\n`,
      )
    }
    return figures
  } finally {
    rmSync(folder, { recursive: true, force: true })
    await proxy?.close()
    await gitlab.close()
    await github.close()
    await server.stop()
  }
}

function othersOf({ github, gitlab }: Scene): number {
  return github.requests.length + github.storage.requests.length + gitlab.requests.length
}

function environment({ github, gitlab, registry, folder }: Scene): NodeJS.ProcessEnv {
  const config = [
    '[images]',
    `github_api = "${github.api}"`,
    `repo = "${github.repo}"`,
    `workflow = "${github.workflow}"`,
    `gitlab_host = "${gitlab.url}"`,
    `gitlab_project = "${project}"`,
    `registry = "${registry}"`,
    'insecure = true',
  ]
  writeFileSync(path.join(folder, 'holdfast.toml'), `${config.join('\n')}\n`)
  const home = path.join(folder, 'home')
  mkdirSync(home)
  return {
    HOME: home,
    XDG_CACHE_HOME: path.join(home, 'cache'),
    XDG_STATE_HOME: path.join(home, 'state'),
    XDG_RUNTIME_DIR: home,
    GH_TOKEN: github.token,
    GITLAB_TOKEN: token,
  }
}

await ensureDebianPackages(['skopeo', 'docker-registry', 'curl', 'unzip', 'zip', 'time'])
const megabytes = flags.small ? 150 : Number(flags.megabytes)
const bundles = await makeBundles(megabytes, flags['saved-as'] === '24' ? 'docker 24' : 'docker 25')
const chosen = flags.peers.split(',')
const counted = new Map<string, Map<Case, Figures>>()
const timed = new Map<string, Map<Case, Figures>[]>(chosen.map((peer) => [peer, []]))
const load = os.loadavg()[0]!
for (let turn = 0; turn < Number(flags.rounds); turn++) for (const peer of chosen) timed.get(peer)!.push(await round(peer, bundles, false))
for (const peer of chosen) counted.set(peer, await round(peer, bundles, true))
print()

function print(): void {
  const zip = statSync(bundles.first.zip).size / 1e6
  console.log(
    `${megabytes} MB in four images saved by docker ${flags['saved-as']}, a zip of ${zip.toFixed(0)} MB; medians of ${flags.rounds}; ${os.cpus().length} processors, load ${load.toFixed(1)} to ${os.loadavg()[0]!.toFixed(1)}; Node ${process.version}, ${versionOf('skopeo')}, ${versionOf('docker-registry')}\n`,
  )
  console.log(
    '| | wall s | CPU s | peak MB | written MB | sent MB | requests to the registry | to others |\n|---|---|---|---|---|---|---|---|',
  )
  for (const name of ['first', 'one layer changed', 'nothing new', 'retag'] as const) {
    for (const peer of chosen) {
      const counts = counted.get(peer)!.get(name)
      const all = timed.get(peer)!.flatMap((figures) => figures.get(name) ?? [])
      if (counts === undefined || all.length === 0) continue
      const of = (pick: (cost: Cost) => number) => median(all.map(pick))
      const cells = [
        of(({ wall }) => wall).toFixed(2),
        of(({ cpu }) => cpu).toFixed(1),
        of(({ rss }) => rss).toFixed(0),
        of(({ written }) => written).toFixed(0),
      ]
      console.log(
        `| ${name}: ${peers[peer]!.name} | ${cells.join(' | ')} | ${counts.sent.toFixed(1)} | ${counts.requests} | ${counts.others} |`,
      )
    }
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}

function versionOf(name: string): string {
  const status = readFileSync('/var/lib/dpkg/status', 'utf8')
  return `${name} ${new RegExp(`^Package: ${name}\\n(?:.+\\n)*?Version: (.+)$`, 'm').exec(status)?.[1] ?? '?'}`
}
