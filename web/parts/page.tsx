import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'

interface PageProps {
  readonly title: string
  /** Where it lies: links from the top down. */
  readonly trail?: readonly (readonly [text: string, href: string])[]
  readonly actions?: ComponentChildren
  readonly children: ComponentChildren
}

export function Page({ title, trail = [], actions, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Holdfast`
  }, [title])
  return (
    <>
      <header class="page-head">
        {trail.length > 0 && (
          <nav aria-label="Where this is" class="trail">
            {trail.map(([text, href]) => (
              <a key={href} href={href}>
                {text}
              </a>
            ))}
          </nav>
        )}
        <div class="page-title">
          <h1>{title}</h1>
          {actions !== undefined && <div class="actions">{actions}</div>}
        </div>
      </header>
      {children}
    </>
  )
}

export function Section({
  id,
  title,
  aside,
  children,
}: {
  readonly id?: string
  readonly title: string
  readonly aside?: ComponentChildren
  readonly children: ComponentChildren
}) {
  return (
    <section id={id}>
      <div class="section-head">
        <h2>{title}</h2>
        {aside !== undefined && <div class="aside">{aside}</div>}
      </div>
      {children}
    </section>
  )
}
