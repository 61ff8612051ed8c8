import assert from 'node:assert/strict'
import { after, describe, test, type TestContext } from 'node:test'
import { faultOf } from '../../../test/fakes/fault-of.ts'
import { type FakeGitLabOptions, startGitLab } from '../../../test/fakes/gitlab/server.ts'
import { hastyClock } from '../../../test/fakes/hasty-clock.ts'
import { registryDesk } from '../../../test/fakes/registry-desk.ts'
import { registryForTests } from '../../../test/services/registry.ts'
import { createHttp } from '../../kit/http/index.ts'
import { bytesOf, digestOf, Fault } from '../../kit/index.ts'
import { makeManifest, mediaTypes, type Registry } from '../../oci/index.ts'
import { openGitLab } from '../gitlab/gitlab.ts'
import type { ImagesSettings } from '../settings.ts'
import { velox } from '../velox.ts'
import { crossReference, type RunSource, type XrefOptions } from './cross-reference.ts'
import { missingTags } from './plan.ts'
import { gitlabTags, registryTags, type TagSource } from './tag-source.ts'

const http = createHttp({ clock: hastyClock(0), random: () => 0, userAgent: 'holdfast/test' })
after(() => http.close())

const settings: ImagesSettings = {
  ...velox,
  limit: 20,
  githubApi: '',
  tagsFrom: 'gitlab',
  registryProject: 'tests/images',
  registry: 'registry.example.com',
  isPlain: false,
  moving: ['latest'],
  interval: 1,
  downloadsDir: '/nowhere',
}

type Told = string | undefined | Fault

/** Runs of these tags, the newest first, in the mode all_native. */
function runsOf(...tags: readonly Told[]): RunSource & { readonly asked: number[] } {
  const asked: number[] = []
  return {
    asked,
    runs: ({ limit }) =>
      Promise.resolve(
        tags.slice(0, limit).map((_, at) => ({
          id: 100 - at,
          number: 100 - at,
          attempt: 1,
          branch: 'main',
          commit: '0'.repeat(40),
          status: 'completed',
          conclusion: 'success',
          title: '',
          actor: undefined,
          createdAt: 0,
          url: `https://github.example/runs/${100 - at}`,
        })),
      ),
    metadata: ({ id }) => {
      asked.push(id)
      const tag = tags[100 - id]
      if (tag instanceof Fault) return Promise.reject(tag)
      return Promise.resolve(tag === undefined ? undefined : { tag, fields: { 'Worker bundle mode': 'all_native' } })
    },
  }
}

async function look(runs: RunSource, tags: TagSource, o?: XrefOptions, own: Partial<ImagesSettings> = {}) {
  const warnings: string[] = []
  const xref = await crossReference(
    { settings: { ...settings, ...own }, runs, tags, report: (event) => void (event.kind === 'note' && warnings.push(event.text)) },
    o,
  )
  return { ...xref, warnings, missing: missingTags(xref).map(({ tag }) => tag) }
}

async function fromGitLab(t: TestContext, options: FakeGitLabOptions, own: Partial<ImagesSettings> = {}) {
  const server = await startGitLab(options)
  t.after(async () => {
    await server.close()
    assert.deepEqual(server.offences, [])
  })
  const gitlab = openGitLab({ host: server.url, project: server.project, token: async () => undefined, http })
  return { server, gitlab, tags: gitlabTags(gitlab, { ...settings, ...own }) }
}

const families = ['presto-coordinator', 'presto-native-worker-cpu', 'presto-native-worker-gpu']
const withTags = (...tags: string[]) => Object.fromEntries(families.map((family) => [`x86/${family}`, [...tags]]))

describe('runs against the tags of GitLab', () => {
  test('cost one request of GitLab where nothing is new, and read each log once', async (t) => {
    const { gitlab, tags } = await fromGitLab(t, { repositories: withTags('a', 'b', 'latest') })
    const runs = runsOf('b-linux-amd64', 'a-linux-amd64')
    const xref = await look(runs, tags, { withExtra: true })
    assert.deepEqual([xref.missing, xref.extra, xref.looked, xref.warnings], [[], [], 2, []])
    assert.equal(gitlab.requests(), 1)
    assert.deepEqual(runs.asked, [100, 99])
  })

  test('show what one image lacks, and the other tags only when asked', async (t) => {
    const { tags, server } = await fromGitLab(t, { repositories: withTags('a', 'old') })
    server.repositories['x86/presto-native-worker-gpu'] = ['old']
    assert.deepEqual((await look(runsOf('a-linux-amd64'), tags)).missing, ['a-linux-amd64'])
    assert.deepEqual((await look(runsOf('a-linux-amd64'), tags)).extra, [])
    assert.equal((await look(runsOf('a-linux-amd64'), tags, { withExtra: true })).extra.length, 3)
  })

  test('do not miss what lies on a later page: a hundred repositories and a hundred tags are not all', async (t) => {
    const filler = Object.fromEntries(Array.from({ length: 130 }, (_, at) => [`cache/${at}`, ['x']]))
    const tags = Array.from({ length: 150 }, (_, at) => `t${at}`)
    const source = await fromGitLab(t, { repositories: { ...filler, ...withTags(...tags, 'a') } })
    assert.deepEqual((await look(runsOf('a-linux-amd64'), source.tags)).missing, [])
    assert.equal(source.gitlab.requests(), 2)
  })

  test('do not miss what a list that is cut leaves out: what seems to be missing is asked for by name', async (t) => {
    const many = Array.from({ length: 1500 }, (_, at) => `t${String(at).padStart(4, '0')}`)
    const { gitlab, tags } = await fromGitLab(t, { repositories: withTags(...many), tagLimit: 1000 })
    const xref = await look(runsOf('t1400-linux-amd64', 't0001-linux-amd64', 'new-linux-amd64'), tags)
    assert.deepEqual(xref.missing, ['new-linux-amd64'])
    assert.equal(gitlab.requests(), 1 + 2 * families.length)
  })

  test('of several runs with one tag warn, and count the newest', async (t) => {
    const { tags } = await fromGitLab(t, { repositories: withTags('a') })
    const xref = await look(runsOf('a-linux-amd64', 'a-linux-amd64'), tags)
    assert.deepEqual(xref.warnings, [
      'a-linux-amd64: the newest of 2 runs counts, https://github.example/runs/100; not https://github.example/runs/99',
    ])
    assert.deepEqual(xref.missing, [])
  })

  test('go on where one log cannot be read, and stop where nobody is let in', async (t) => {
    const { tags } = await fromGitLab(t, { repositories: {} })
    const xref = await look(runsOf(new Fault('unavailable', 'later'), new Fault('not-found', 'gone'), undefined, 'a-linux-amd64'), tags)
    assert.deepEqual(xref.missing, ['a-linux-amd64'])
    assert.deepEqual(
      [xref.unread.length, xref.unusable.map(({ reason }) => reason)],
      [1, ['its log is not there any more', 'its log has no metadata block']],
    )
    await faultOf(look(runsOf(new Fault('denied', 'no')), tags), 'denied', /no/)
  })

  test('say where GitLab deletes a repository, or has its registry elsewhere', async (t) => {
    const { tags, server } = await fromGitLab(
      t,
      { repositories: { 'x86/presto-coordinator': ['a'] } },
      { registry: 'other.example.com:5000' },
    )
    server.status = 'delete_scheduled'
    const { notes } = await look(runsOf('a-linux-amd64'), tags)
    assert.equal(notes.length, 2)
    assert.match(notes[0]!, /about to delete x86\/presto-coordinator/)
    assert.match(notes[1]!, /is at registry.example.com, and images go to other.example.com:5000/)
  })
})

describe('a project that is not where the images go', () => {
  test('is refused: all images would look missing', async (t) => {
    const { gitlab } = await fromGitLab(t, { repositories: {} })
    assert.throws(() => gitlabTags(gitlab, { ...settings, registryProject: 'tests/other' }), {
      code: 'invalid',
      message: /images go below tests\/other, which is not in the GitLab project tests\/images/,
    })
  })

  test('is told where it has another name by now, and GitLab sends us there', async (t) => {
    const { gitlab, server } = await fromGitLab(t, { repositories: withTags('a') })
    const old = { ...gitlab, project: 'tests/old' }
    const tags = gitlabTags(old, { ...settings, registryProject: 'tests/old' })
    await faultOf(
      look(runsOf('a-linux-amd64'), tags),
      'invalid',
      /tests\/old is called otherwise by now: it has the repository tests\/images\/x86/,
    )
    assert.equal(server.requests.length, 1)
  })

  test('is warned of where the project is a number, and none of its repositories fits', async (t) => {
    const { gitlab } = await fromGitLab(t, { repositories: withTags('a') })
    const tags = gitlabTags({ ...gitlab, project: '7' }, { ...settings, registryProject: 'tests/else' })
    assert.match((await look(runsOf('a-linux-amd64'), tags)).notes[0]!, /none of the 3 repositories of project 7 is below tests\/else/)
  })
})

describe('runs against the tags of a registry', () => {
  const empty = '{}'
  const config = { mediaType: mediaTypes.ociConfig, digest: digestOf(empty), size: 2 }

  /** A small image under a tag. */
  async function tagged(registry: Registry, repository: string, tag: string) {
    await registry.putBlob(repository, config.digest, bytesOf(empty))
    await registry.putManifest(repository, tag, makeManifest({ config, layers: [config] }))
  }

  test('need no GitLab: each repository of a family that is wanted is listed, and one that is not there lacks its tags', async (t) => {
    const server = await registryForTests(t, 'plain')
    if (server === undefined) return
    const desk = registryDesk(server.host)
    t.after(() => desk.close())
    const registryProject = server.newRepository()
    await tagged(desk, `${registryProject}/x86/presto-coordinator`, 'a')
    await tagged(desk, `${registryProject}/x86/presto-java-worker`, 'old')
    const tags = registryTags(desk, { registryProject })
    const xref = await look(runsOf('a-linux-amd64'), tags, { withExtra: true }, { registryProject })
    assert.deepEqual(
      xref.tags[0]!.images.map(({ isPresent }) => isPresent),
      [true, false, false],
    )
    assert.deepEqual(xref.extra, [{ repository: 'x86/presto-java-worker', tag: 'old', runTag: 'old-linux-amd64' }])
    assert.equal(xref.source, `the registry ${server.host}`)
  })

  test('say the same as GitLab does of the same registry', async (t) => {
    const server = await registryForTests(t, 'plain')
    if (server === undefined) return
    const desk = registryDesk(server.host)
    t.after(() => desk.close())
    const registryProject = server.newRepository()
    const own = { registryProject, registry: server.host }
    const source = await fromGitLab(t, { project: registryProject, registry: { url: server.url } }, own)
    for (const each of ['x86/presto-coordinator', 'arm/presto-coordinator']) await tagged(desk, `${registryProject}/${each}`, 'a')
    const runs = runsOf('a-linux-amd64', 'a-linux-arm64', 'b-linux-amd64')
    const { source: _, ...one } = await look(runs, source.tags, { withExtra: true }, own)
    const { source: __, ...other } = await look(runs, registryTags(desk, own), { withExtra: true }, own)
    assert.deepEqual(one, other)
    const [repository] = await source.gitlab.repositories()
    const details = await source.gitlab.tag(repository!, 'a')
    assert.equal(details!.digest, (await desk.headManifest(repository!.path, 'a'))!.digest)
    assert.equal(details!.size, 4)
  })
})
