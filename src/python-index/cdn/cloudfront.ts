import type { IndexEnvironment } from '../environment.ts'
import { acceptsJson, type CdnRule, cdnRules, originOf } from './rules.ts'

/** Pure. What to set up in a CloudFront distribution, with the function that chooses the form of a page. */
export function cloudFrontText(environment: Pick<IndexEnvironment, 'bucket' | 'prefixes' | 'pageCache' | 'fileCache'>): string {
  return `${[
    `Origin: ${originOf(environment.bucket) ?? 'the bucket'}, read with an origin access control.`,
    'Behaviour (default): GET and HEAD; compress; origin request policy none; the function below on viewer requests.',
    'Cache policy: minimum TTL 0, default TTL 0, maximum TTL 31536000, so that Cache-Control of the objects decides; no header, cookie or query in the key:',
    'the function has made one path of each form before the cache is asked.',
    'Error responses: 403 becomes 404, kept 10 seconds: a bucket says 403 of keys that do not exist, and installers take it for a lack of credentials.',
    'Response headers: X-Content-Type-Options: nosniff; Vary: Accept.',
    'Objects have these headers, as `holdfast index publish` puts them:',
    ...cdnRules(environment).map(describeRule),
    '',
    'Function (runtime cloudfront-js-2.0):',
    '',
    cloudFrontFunction(environment),
  ].join('\n')}\n`
}

/** Pure. A path that ends with a slash becomes one of its two pages; other spellings of a project's name are redirected; a plus sign is one for S3 too. */
export function cloudFrontFunction({ prefixes }: Pick<IndexEnvironment, 'prefixes'>): string {
  const starts = [...prefixes].sort((a, b) => b.length - a.length).map((prefix) => (prefix === '' ? '/' : `/${prefix}/`))
  return `var starts = ${JSON.stringify(starts)};
var json = /${acceptsJson.replaceAll('/', '\\/')}/i;

function handler(event) {
  var request = event.request;
  var uri = request.uri;
  for (var i = 0; i < starts.length; i++) {
    if (uri + '/' === starts[i]) return moved(starts[i], request.querystring);
    if (uri.indexOf(starts[i]) !== 0) continue;
    var project = uri.slice(starts[i].length);
    var normal = project.replace(/\\/$/, '').replace(/[-_.]+/g, '-').toLowerCase() + '/';
    var isProject = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\\/?$/.test(project);
    var isFile = /\\.(?:whl|tar\\.gz|zip|metadata|provenance|html|json)$/.test(project);
    var isIndex = starts.indexOf(uri) >= 0 || starts.indexOf(uri + '/') >= 0;
    if (isProject && !isFile && !isIndex && project !== normal) return moved(starts[i] + normal, request.querystring);
    break;
  }
  var accept = request.headers.accept ? request.headers.accept.value : '';
  if (uri.charAt(uri.length - 1) === '/') uri += json.test(accept) ? 'index.json' : 'index.html';
  request.uri = uri.replace(/\\+/g, '%2B');
  return request;
}

function moved(path, query) {
  var names = Object.keys(query || {});
  var text = names.map(function (name) { return name + '=' + query[name].value; }).join('&');
  return { statusCode: 301, statusDescription: 'Moved Permanently', headers: { location: { value: path + (text === '' ? '' : '?' + text) } } };
}
`
}

function describeRule({ what, ends, contentType, cacheControl }: CdnRule): string {
  return `  ${what} (${ends.map((end) => `.${end}`).join(', ')}): Content-Type: ${contentType}; Cache-Control: ${cacheControl}`
}
