import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { routeOf, type Route } from './route.ts'

const prefixes = ['v2/gfx94X-dcgpu', 'v2/gfx94X-dcgpu/extra', 'v2-staging/gfx94X-dcgpu', 'plain']
const prefix = 'v2/gfx94X-dcgpu'

describe('a path', () => {
  const cases: [string, Route][] = [
    ['/', { kind: 'folder', folder: '' }],
    ['/v2/', { kind: 'folder', folder: 'v2' }],
    ['/v2', { kind: 'slash', to: './v2/' }],
    ['/v', { kind: 'none' }],
    ['/v2/gfx94X-dcgpu/', { kind: 'root', prefix }],
    ['/v2/gfx94X-dcgpu', { kind: 'slash', to: './gfx94X-dcgpu/' }],
    ['/v2/gfx94X-dcgpu/index.html', { kind: 'root', prefix, form: 'html' }],
    ['/v2/gfx94X-dcgpu/index.json', { kind: 'root', prefix, form: 'json' }],
    ['/v2/gfx94X-dcgpu/torch/', { kind: 'project', prefix, name: 'torch', slash: true }],
    ['/v2/gfx94X-dcgpu/Foo.Bar/index.json', { kind: 'project', prefix, name: 'Foo.Bar', form: 'json', slash: true }],
    ['/v2/gfx94X-dcgpu/extra/', { kind: 'root', prefix: `${prefix}/extra` }],
    ['/v2/gfx94X-dcgpu/torch', { kind: 'file', prefix, name: 'torch' }],
    ['/v2/gfx94X-dcgpu/a-1%2Bcpu-py3-none-any.whl', { kind: 'file', prefix, name: 'a-1+cpu-py3-none-any.whl' }],
    ['/v2/gfx94X-dcgpu/a-1+cpu-py3-none-any.whl', { kind: 'file', prefix, name: 'a-1+cpu-py3-none-any.whl' }],
    ['/v2/gfx94X-dcgpu/torch/deeper/', { kind: 'none' }],
    ['/v2/gfx94X-dcgpu/torch/deeper', { kind: 'none' }],
    ['/v2/other/torch/', { kind: 'none' }],
  ]
  for (const [path, expected] of cases)
    it(`${path} is ${JSON.stringify(expected)}`, () => assert.deepEqual(routeOf(path, prefixes), expected))

  it('leads into an index at the top, where there is one', () => {
    const top = ['', 'inner']
    assert.deepEqual(routeOf('/', top), { kind: 'root', prefix: '' })
    assert.deepEqual(routeOf('/index.json', top), { kind: 'root', prefix: '', form: 'json' })
    assert.deepEqual(routeOf('/torch/', top), { kind: 'project', prefix: '', name: 'torch', slash: true })
    assert.deepEqual(routeOf('/inner/', top), { kind: 'root', prefix: 'inner' })
  })

  const hostile = [
    '',
    'x',
    '//elsewhere.example/',
    '/plain//x',
    '/plain/../secret',
    '/plain/%2e%2e/secret',
    '/plain/..%2fsecret',
    '/plain/a%2fb',
    '/plain/a%5cb',
    '/plain/a%00b',
    '/plain/a%0d%0ab',
    '/plain/%ff',
    '/plain/%',
    '/plain/.~tmp-1',
    `/plain/${'a'.repeat(300)}`,
    `/${'a/'.repeat(3000)}`,
  ]
  for (const path of hostile)
    it(`${JSON.stringify(path.slice(0, 40))} is refused`, () => assert.equal(routeOf(path, prefixes).kind, 'hostile'))
})
