import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { buildWheel } from '../../fakes/distributions.ts'
import { type GitHubStandIn, startGitHub } from '../../fakes/github/github.ts'
import { type FakeGitLab, startGitLab } from '../../fakes/gitlab/server.ts'
import { runScene } from '../../fakes/image-desk.ts'
import { addTraining, growTraining } from '../../fakes/training.ts'
import { type FakeUpstream, startFakeUpstream } from '../../fakes/upstream.ts'
import type { RegistryServer } from '../../services/registry.ts'
import { configuration } from './configuration.ts'
import { apiWeather, storageWeather } from './github-weather.ts'
import { startStormyPeer } from './stormy-peer.ts'
import { standIns, stormyWeather, type Weather } from './weather.ts'

/** All places that the jobs of a daemon go between, which change and do wrong until it is calm. */
export interface World {
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
  readonly weather: Weather
  readonly github: GitHubStandIn
  readonly gitlab: FakeGitLab
  readonly registry: RegistryServer
  readonly project: string
  /** Tags of runs, without their platforms. */
  readonly tags: ReadonlySet<string>
  /** File names of wheels. */
  readonly wheels: ReadonlyMap<string, Uint8Array>
  /** The version of the library's source. */
  readonly version: () => number
  /** Something new, somewhere. */
  grow(): void
  /** From now on nothing changes and nothing goes wrong. */
  calm(): void
  close(): Promise<void>
}

const gitlabToken = 'glpat-of-the-tests'

export async function startWorld(
  folder: string,
  registry: RegistryServer,
  options: { readonly random: () => number; readonly rate: number; readonly lines: readonly string[] },
): Promise<World> {
  const { random, rate } = options
  const weather = stormyWeather(random, rate)
  const project = registry.newRepository()
  const github = await startGitHub()
  github.trouble(apiWeather(weather), storageWeather(weather))
  const authorization = `Basic ${Buffer.from(`${registry.login.user}:${registry.login.password}`).toString('base64')}`
  const gitlab = await startGitLab({ project, token: gitlabToken, registry: { url: registry.url, authorization } })
  const upstream = await startFakeUpstream()
  const peers = {
    gitlab: await startStormyPeer(gitlab.url, weather, () => standIns),
    // Bytes of manifests and blobs have digests; lists of tags have none.
    registry: await startStormyPeer(registry.url, weather, (line) => (isContent(line) ? [...standIns, 'flip'] : standIns)),
    upstream: await startStormyPeer(new URL(upstream.url).origin, weather, (line) =>
      line.includes('/files/') ? [...standIns, 'flip'] : standIns,
    ),
  }
  const state = { version: 0, runs: 0, training: [] as string[], tags: new Set<string>(), wheels: new Map<string, Uint8Array>(), step: 100 }
  const weatherFile = path.join(folder, 'weather')
  writeFileSync(weatherFile, String(rate / 2))
  makeSsh(folder)
  layOut(folder)
  const addresses = { github: github.api, gitlab: peers.gitlab.url, project, registry: peers.registry.host, upstream: peers.upstream.url }
  writeFileSync(path.join(folder, 'holdfast.toml'), configuration(folder, addresses, options.lines))
  const world: World = {
    folder,
    env: {
      PATH: `${path.join(folder, 'bin')}:${process.env['PATH'] ?? ''}`,
      HOME: path.join(folder, 'home'),
      USER: 'ann',
      NO_COLOR: '1',
      GH_TOKEN: github.token,
      GITLAB_TOKEN: gitlabToken,
      GITLAB_REGISTRY_PASSWORD: registry.login.password,
      STAND_IN_WEATHER: weatherFile,
    },
    weather,
    github,
    gitlab,
    registry,
    project,
    tags: state.tags,
    wheels: state.wheels,
    version: () => state.version,
    grow: () => grow(folder, github, upstream, state, random),
    calm() {
      weather.calm()
      github.forgetTroubles()
      writeFileSync(weatherFile, '0')
    },
    async close() {
      for (const peer of Object.values(peers)) await peer.close()
      await upstream.close()
      await gitlab.close()
      await github.close()
    },
  }
  for (let count = 0; count < 6; count++) for (const what of kinds) changes[what](folder, github, upstream, state, random)
  return world
}

interface State {
  version: number
  runs: number
  step: number
  readonly training: string[]
  readonly tags: Set<string>
  readonly wheels: Map<string, Uint8Array>
}

type Change = (folder: string, github: GitHubStandIn, upstream: FakeUpstream, state: State, random: () => number) => void

const kinds = ['image', 'wheel', 'run', 'growth', 'tree', 'live', 'source'] as const
/** Runs of GitHub that are looked at. */
const mostImages = 60

const grow: Change = (folder, github, upstream, state, random) => {
  changes[kinds[Math.floor(random() * kinds.length)]!](folder, github, upstream, state, random)
}

const changes: Readonly<Record<(typeof kinds)[number], Change>> = {
  image(_folder, github, _upstream, state) {
    if (state.tags.size >= mostImages) return
    const hex = (salt: number) => (state.tags.size * 7919 + salt).toString(16).padStart(12, '0')
    const tag = `presto-${hex(1)}-velox-${hex(2)}`
    state.tags.add(tag)
    github.add(runScene(`${tag}-linux-amd64`))
  },
  wheel(_folder, _github, upstream, state) {
    const name = ['alpha', 'beta', 'gamma'][state.wheels.size % 3]!
    const wheel = buildWheel({ name, version: `1.${state.wheels.size}`, size: 20_000, seed: state.wheels.size })
    upstream.add({ file: wheel.file, bytes: wheel.bytes, metadata: wheel.metadata })
    state.wheels.set(wheel.file, wheel.bytes)
  },
  run(folder, _github, _upstream, state) {
    state.training.push(...addTraining(path.join(folder, 'lab'), state.training.length, 1))
  },
  growth(folder, _github, _upstream, state, random) {
    const run = state.training[Math.floor(random() * state.training.length)]
    if (run !== undefined) growTraining(path.join(folder, 'lab'), run, (state.step += 10))
  },
  tree: (folder, _github, _upstream, _state, random) => scribble(path.join(folder, 'tree'), random),
  live: (folder, _github, _upstream, _state, random) => scribble(path.join(folder, 'stage'), random),
  source(folder, _github, _upstream, state) {
    state.version++
    writeFileSync(path.join(folder, 'source'), String(state.version))
  },
}

/** Writes, or takes away, one of a hundred files. */
function scribble(folder: string, random: () => number): void {
  const name = path.join(folder, `f${Math.floor(random() * 100)}`)
  try {
    if (random() < 0.25) rmSync(name, { force: true })
    else writeFileSync(name, Buffer.alloc(200 + Math.floor(random() * 60_000), `${random()} `))
  } catch {
    // A restore has just taken the folder away.
  }
}

function layOut(folder: string): void {
  for (const name of ['tree', 'stage', 'lab', 'wheels', 'home', 'out']) mkdirSync(path.join(folder, name))
  for (let at = 0; at < 60; at++) {
    for (const name of ['tree', 'stage']) writeFileSync(path.join(folder, name, `f${at}`), `${name} ${at}\n`.repeat(50 * at))
  }
  writeFileSync(path.join(folder, 'source'), '0')
  // What is released without a build may come before the first build has ended.
  writeFileSync(path.join(folder, 'out/lib.a'), 'library of before\n')
  // Its begin and end are written down: a build never overlaps itself, and what began has ended or was killed.
  writeFileSync(
    path.join(folder, 'build.sh'),
    'echo "begin $$" >> builds; version=$(cat source); i=0\nwhile [ $i -lt 20 ]; do echo "library $version line $i"; i=$((i+1)); done > out/lib.new\nsleep 0.2\nmv out/lib.new out/lib.a; echo "end $$" >> builds\n',
  )
}

/** A program `ssh` that comes before the real one. */
function makeSsh(folder: string): void {
  mkdirSync(path.join(folder, 'bin'))
  const standIn = path.join(import.meta.dirname, 'sftp-stand-in.ts')
  writeFileSync(path.join(folder, 'bin/ssh'), `#!/bin/sh\nexec '${process.execPath}' '${standIn}' "$@"\n`)
  chmodSync(path.join(folder, 'bin/ssh'), 0o755)
}

function isContent(line: string): boolean {
  return /^GET .*\/(blobs|manifests)\/sha256:/.test(line)
}
