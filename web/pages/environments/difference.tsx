import { useAnswer } from '../../api/answer.ts'
import { at, withQuery } from '../../api/client.ts'
import { Facts } from '../../parts/facts.tsx'
import { Page } from '../../parts/page.tsx'
import { Shown } from '../../parts/states.tsx'
import { Tree } from '../../parts/tree.tsx'
import { bytesText, countText } from '../../parts/words.ts'
import { hrefTo, place } from '../../shell/place.ts'

export function EnvironmentDifference({ name }: { readonly name: string }) {
  const { from = 'clean_state', to = 'live' } = Object.fromEntries(place.value.query)
  const answer = useAnswer('compareEnvironment', withQuery(`${at('environments', name)}/diff`, { from, to }))
  return (
    <Page
      title={`${from} and ${to}`}
      trail={[
        ['Environments', hrefTo(['environments'])],
        [name, hrefTo(['environments', name])],
      ]}
    >
      <Shown of={answer}>
        {({ counts, bytes, differences }) => (
          <>
            <Facts
              of={[
                ['Added', `${countText(counts.added)}, ${bytesText(bytes.added)}`],
                ['Changed', `${countText(counts.changed)}, ${bytesText(bytes.changed)}`],
                ['Removed', `${countText(counts.removed)}, ${bytesText(bytes.removed)}`],
              ]}
            />
            {differences.length === 0 ? (
              <p class="fine">Both are the same.</p>
            ) : (
              <Tree
                leaves={differences.map(({ path, change, kind, before, after, aspects }) => ({
                  path,
                  change,
                  text:
                    kind === 'file'
                      ? [
                          change === 'changed' ? `${bytesText(before)} → ${bytesText(after)}` : bytesText(Math.max(before, after)),
                          ...aspects,
                        ].join(', ')
                      : [kind, ...aspects].join(', '),
                }))}
              />
            )}
          </>
        )}
      </Shown>
    </Page>
  )
}
