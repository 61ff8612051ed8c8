import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createContext, runInContext } from 'node:vm'
import { indexDesk } from '../../test/fakes/index-desk.ts'
import { cloudFrontFunction } from './cdn/cloudfront.ts'
import { describeCdn, purgePaths } from './cdn.ts'

const { environment } = indexDesk({
  environment: { bucket: 's3://wheels/py', prefixes: ['v2/gfx94X-dcgpu', 'v2/gfx94X-dcgpu/extra'] },
}).context

interface Viewer {
  uri?: string
  statusCode?: number
  headers: Record<string, { value: string }>
}

function cloudFront(uri: string, accept?: string): Viewer {
  const world = createContext({
    event: { request: { uri, querystring: {}, headers: accept === undefined ? {} : { accept: { value: accept } } } },
  })
  return runInContext(`${cloudFrontFunction(environment)}; handler(event)`, world) as Viewer
}

describe('the rules for a CDN', () => {
  it('name every kind of object with its headers, in every form', () => {
    for (const form of ['rules', 'cloudfront', 'nginx'] as const) {
      const text = describeCdn(environment, form)
      for (const part of [environment.pageCache, environment.fileCache, 'vnd.pypi.simple.v1'])
        assert.ok(text.includes(part), `${form}: ${part}`)
      assert.match(text, /\n$/)
    }
    assert.match(
      describeCdn(environment, 'nginx'),
      /server wheels\.s3\.amazonaws\.com:443[^]*proxy_pass https:\/\/holdfast_bucket\/py\$request_uri/,
    )
    assert.match(describeCdn(environment, 'cloudfront'), /https:\/\/wheels\.s3\.amazonaws\.com\/py/)
  })

  it('purge pages under their paths, encoded', () => {
    const keys = ['v2/a+b/torch/', 'v2/a+b/torch/index.json', 'index.html']
    assert.deepEqual(purgePaths(keys), ['/v2/a%2Bb/torch/', '/v2/a%2Bb/torch/index.json', '/index.html'])
  })
})

describe('the function for CloudFront', () => {
  const pip = 'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01'
  const start = '/v2/gfx94X-dcgpu/'

  it('chooses the form of a page', () => {
    assert.equal(cloudFront(`${start}torch/`, pip).uri, `${start}torch/index.json`)
    assert.equal(cloudFront(`${start}torch/`, 'text/html,*/*;q=0.8').uri, `${start}torch/index.html`)
    assert.equal(cloudFront(start).uri, `${start}index.html`)
    assert.equal(cloudFront(start, 'application/vnd.pypi.simple.v1+json;q=0, text/html').uri, `${start}index.html`)
    assert.equal(cloudFront(start, 'application/vnd.pypi.simple.latest+json').uri, `${start}index.json`)
  })

  it('leads other spellings of a name to the right one', () => {
    for (const [uri, location] of [
      [`${start}Foo_Bar/`, `${start}foo-bar/`],
      [`${start}torch`, `${start}torch/`],
      ['/v2/gfx94X-dcgpu', start],
      [`${start}extra`, `${start}extra/`],
      [`${start}extra/Foo.Bar`, `${start}extra/foo-bar/`],
    ] as const) {
      const { statusCode, headers } = cloudFront(uri)
      assert.deepEqual([statusCode, headers['location']?.value], [301, location], uri)
    }
    assert.equal(cloudFront(`${start}extra/`, pip).uri, `${start}extra/index.json`)
  })

  it('lets files pass, with a plus sign that S3 reads as one', () => {
    assert.equal(cloudFront(`${start}torch-2.6.0+rocm6.4-py3-none-any.whl`).uri, `${start}torch-2.6.0%2Brocm6.4-py3-none-any.whl`)
    assert.equal(
      cloudFront(`${start}torch-2.6.0%2Brocm6.4-py3-none-any.whl.metadata`).uri,
      `${start}torch-2.6.0%2Brocm6.4-py3-none-any.whl.metadata`,
    )
    assert.equal(cloudFront(`${start}foo_bar-1.0.tar.gz`).uri, `${start}foo_bar-1.0.tar.gz`)
  })
})
