import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { chooseType, isBrowser } from './accept.ts'

const json = 'application/vnd.pypi.simple.v1+json'
const html = 'application/vnd.pypi.simple.v1+html'
const chrome = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8'

describe('the type of a page', () => {
  const cases: [string | null, string | undefined][] = [
    // pip since 22.2, uv, and pip before.
    [`${json}, ${html}; q=0.1, text/html; q=0.01`, json],
    [`${json}, ${html};q=0.2, text/html;q=0.01`, json],
    ['text/html', 'text/html'],
    [chrome, 'text/html'],
    [null, 'text/html'],
    ['', 'text/html'],
    ['*/*', 'text/html'],
    ['application/*', html.replace('html', 'json')],
    ['text/*', 'text/html'],
    [`${json};q=0.5, text/html;q=0.9`, 'text/html'],
    [`text/html, ${json}`, json],
    [`*/*;q=0.1, ${html}`, html],
    [`${json};q=0, */*`, 'text/html'],
    [`text/html;q=0, ${html};q=0, */*`, json],
    ['application/vnd.pypi.simple.latest+json', json],
    ['APPLICATION/VND.PYPI.SIMPLE.V1+JSON ; Q=1.0', json],
    ['application/vnd.pypi.simple.v2+json', undefined],
    ['application/json', undefined],
    ['image/png', undefined],
    ['*/*;q=0', undefined],
    [`${json};q=nonsense`, json],
    [';;,,', undefined],
  ]
  for (const [accept, expected] of cases) {
    it(`for ${accept === null ? 'no Accept' : JSON.stringify(accept)} is ${expected ?? 'none'}`, () => {
      assert.equal(chooseType(accept, null), expected)
    })
  }

  it('is what the URL asks for, whatever Accept says', () => {
    assert.equal(chooseType('text/html', json), json)
    assert.equal(chooseType(json, 'text/html'), 'text/html')
    assert.equal(chooseType(json, 'application/vnd.pypi.simple.latest+html'), html)
    assert.equal(chooseType(json, 'application/json'), undefined)
    assert.equal(chooseType(json, ''), undefined)
  })

  it('is chosen in no time from a header without end', () => {
    assert.equal(chooseType(`${'a/b;q=0.1,'.repeat(100_000)}${json}`, null), undefined)
  })
})

describe('a browser', () => {
  it('is told from every client of an index', () => {
    assert.ok(isBrowser(chrome))
    for (const accept of [null, '*/*', 'text/html', `${json}, ${html}; q=0.1, text/html; q=0.01`, 'text/html, application/xhtml+xml;q=0'])
      assert.equal(isBrowser(accept), false, String(accept))
  })
})
