import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { gitlabHostOf, registryOf, velox, wantedImages } from '../images/index.ts'
import { imagesSettings, loadConfig } from './index.ts'

const scratch = scratchDirectory()

async function load(toml: string, env: Record<string, string> = {}) {
  const folder = mkdtempSync(path.join(scratch, 'config-'))
  if (toml !== '') writeFileSync(path.join(folder, 'holdfast.toml'), toml)
  return await loadConfig({ cwd: folder, env })
}

const own = `
[images]
preset = "none"
repo = "acme/images"
workflow = "build.yml"
gitlab_host = "gitlab.acme.example"
gitlab_project = "Acme/Images"
registry = "gitlab.acme.example:5050"
[images.families.server]
[images.families.worker]
flag = "Worker"
[images.architectures.amd]
platform = "linux/amd64"
suffix = "amd64"
[images.metadata]
tag = "Tag"
platform = "Platform"
`

describe('the settings of images', () => {
  test('are the preset’s without any configuration', async () => {
    const config = await load('')
    const settings = await imagesSettings(config)
    assert.deepEqual(settings.preset, velox.preset)
    assert.deepEqual(
      [
        settings.repo,
        settings.workflow,
        settings.limit,
        settings.gitlabHost,
        settings.gitlabProject,
        settings.registry,
        settings.registryProject,
      ],
      [
        'rapidsai/velox-testing',
        '.github/workflows/presto-build-images.yml',
        20,
        'gitlab-master.nvidia.com',
        'hercules/veloxtesting',
        'gitlab-master.nvidia.com:5005',
        'hercules/veloxtesting',
      ],
    )
    assert.deepEqual([settings.moving, settings.interval, settings.tagsFrom, settings.isPlain], [['latest'], 900_000, 'gitlab', false])
    assert.equal(settings.downloadsDir, path.join(config.root, 'downloads'))
    assert.equal(settings.githubApi, 'https://api.github.com')
  })

  test('are the file’s where it says something, and flags’ before that', async () => {
    const config = await load(
      '[images]\nrepo = "acme/images"\nlimit = 5\nregistry_project = "acme/else"\ninterval = "1h"\ndownloads_dir = "in"\nmoving = ["latest", "nightly"]',
    )
    const settings = await imagesSettings(config, { repo: 'acme/other', branch: 'main' })
    assert.deepEqual(
      [settings.repo, settings.branch, settings.limit, settings.registryProject, settings.interval, settings.moving],
      ['acme/other', 'main', 5, 'acme/else', 3_600_000, ['latest', 'nightly']],
    )
    assert.equal(settings.downloadsDir, path.join(config.root, 'in'))
    assert.equal(settings.workflow, velox.workflow)
  })

  test('can be another team’s altogether', async () => {
    const { preset, registryProject } = await imagesSettings(await load(own))
    assert.equal(registryProject, 'acme/images')
    assert.deepEqual(preset, {
      families: [
        { name: 'server', tarball: '{family}-{tag}.tar.gz' },
        { name: 'worker', flag: 'Worker', tarball: '{family}-{tag}.tar.gz' },
      ],
      architectures: [{ folder: 'amd', platform: 'linux/amd64', suffix: 'amd64' }],
      metadata: {
        keys: ['Tag', 'Platform'],
        required: ['Tag', 'Platform'],
        tag: 'Tag',
        platform: 'Platform',
        mode: undefined,
        variant: undefined,
        variantMode: undefined,
      },
      inputs: [],
    })
  })

  test('are as the documentation shows them', async () => {
    const page = readFileSync(new URL('../../docs/images.md', import.meta.url), 'utf8')
    const [of = '', without = ''] = [...page.matchAll(/^```toml\n(.*?)^```/gms)].map(([, toml]) => toml!)
    assert.deepEqual((await imagesSettings(await load(of))).preset, velox.preset)
    const { preset, tagsFrom, registryProject } = await imagesSettings(await load(without))
    assert.deepEqual([preset.families.length, tagsFrom, registryProject], [3, 'registry', 'team/images'])
    const fields = { 'Target platform': 'linux/amd64', 'Build mode': 'all', 'Build worker': 'false' }
    const made = wantedImages({ preset, moving: [] }, { tag: 'v1-linux-amd64', fields })
    assert.deepEqual(
      made.map(({ repository, tag }) => `${repository}:${tag}`),
      ['x86/server:v1', 'x86/debugger:v1'],
    )
  })

  test('without a preset name all that is missing at once', async () => {
    const config = await load('[images]\npreset = "none"\nrepo = "acme/images"')
    await assert.rejects(imagesSettings(config), {
      code: 'invalid',
      message:
        'the configuration of images lacks images.workflow, images.registry_project, images.families, images.architectures, images.metadata.tag, images.metadata.platform',
    })
  })

  test('keep the block’s other keys where one is called otherwise', async () => {
    const { metadata } = (await imagesSettings(await load('[images.metadata]\nvariant = "Worker"'))).preset
    assert.equal(metadata.variant, 'Worker')
    assert.deepEqual(metadata.keys, [...velox.preset.metadata.keys, 'Worker'])
    assert.deepEqual(metadata.required, velox.preset.metadata.required)
  })

  test('take GitHub’s server from its own variable, unless the file names one', async () => {
    const config = await load('')
    assert.equal((await imagesSettings(config, {}, { GH_HOST: 'github.acme.example' })).githubApi, 'https://github.acme.example/api/v3')
    assert.equal((await imagesSettings(config, {}, { GH_HOST: 'github.com' })).githubApi, 'https://api.github.com')
    assert.equal((await imagesSettings(config, {}, { GH_HOST: 'acme.ghe.com' })).githubApi, 'https://api.acme.ghe.com')
    const named = await load('', { HOLDFAST_IMAGES_GITHUB_API: 'http://127.0.0.1:1/' })
    assert.equal(named.notes.length, 0)
    assert.equal((await imagesSettings(named, {}, { GH_HOST: 'github.acme.example' })).githubApi, 'http://127.0.0.1:1')
  })
})

describe('a GitLab server and its registry', () => {
  test('are a pair: another registry has nothing to do with the preset’s GitLab', async () => {
    const settings = await imagesSettings(await load(''), { registry: 'registry.acme.example' })
    assert.equal(registryOf(settings), 'registry.acme.example')
    assert.throws(() => gitlabHostOf(settings), {
      code: 'invalid',
      message: /no GitLab server is named for the registry registry.acme.example/,
    })
  })

  test('are a pair: another GitLab has nothing to do with the preset’s registry', async () => {
    const settings = await imagesSettings(await load('[images]\ngitlab_host = "http://127.0.0.1:8080"'))
    assert.equal(gitlabHostOf(settings), 'http://127.0.0.1:8080')
    assert.throws(() => registryOf(settings), { code: 'invalid', message: /no registry is named for the GitLab server/ })
  })

  test('that are named as the preset has them are still its own', async () => {
    const settings = await imagesSettings(await load(''), { registry: velox.registry })
    assert.equal(gitlabHostOf(settings), velox.gitlabHost)
    const other = await imagesSettings(await load(''), { gitlabHost: `https://${velox.gitlabHost}/` })
    assert.equal(registryOf(other), velox.registry)
  })

  test('with a project that is a number need the path that repositories begin with', async () => {
    const config = await load('')
    await assert.rejects(imagesSettings(config, { gitlabProject: '1234' }), { message: /lacks images.registry_project/ })
    const { gitlabProject, registryProject } = await imagesSettings(config, { gitlabProject: '1234', registryProject: 'a/b' })
    assert.deepEqual([gitlabProject, registryProject], ['1234', 'a/b'])
  })
})

describe('settings that contradict themselves are refused', () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['[images.families.Server]', /images.families.Server cannot be a part of a repository’s name/],
    ['[images.architectures."a."]\nplatform = "linux/a"\nsuffix = "a"', /images.architectures.a. cannot be a part/],
    [
      '[images.architectures]\na = { platform = "linux/a", suffix = "x" }\nb = { platform = "linux/b", suffix = "x" }',
      /two architectures of \[images\] have the suffix x/,
    ],
    [
      '[images.architectures]\na = { platform = "linux/a", suffix = "x" }\nb = { platform = "linux/a", suffix = "y" }',
      /two architectures of \[images\] are for linux\/a/,
    ],
    [
      '[images.families]\na = { tarball = "{tag}.tar" }\nb = { tarball = "{tag}.tar" }',
      /two families of \[images\] are in the tarball {tag}.tar/,
    ],
  ]
  for (const [toml, says] of cases)
    test(toml.split('\n')[0]!, async () => {
      const config = await load(toml)
      await assert.rejects(imagesSettings(config), { code: 'invalid', message: says })
    })

  test('a file with wrong values is told with lines and columns', async () => {
    await assert.rejects(
      load('[images]\nregistry = "https://r.example"\nregistry_project = "A"\ngitlab_project = "x y"\ninterval = "soon"'),
      {
        code: 'invalid',
        message:
          /toml:4:18: images.gitlab_project[^]*toml:2:12: images.registry: [^]*toml:3:20: images.registry_project[^]*toml:5:12: images.interval/,
      },
    )
  })
})
