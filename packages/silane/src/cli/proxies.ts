/** What names a proxy, in the spellings of other programs. */
const VARIABLES = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy']

/**
 * Lets requests go through the proxies of HTTPS_PROXY and HTTP_PROXY, but for the hosts of NO_PROXY. Node does so itself where it is told
 * to at its start; else it has to be asked, which Node before 24.14 cannot be. Gives what there is to say about that.
 */
export function useProxies(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const named = VARIABLES.find(name => env[name])
  if (named === undefined || env.NODE_USE_ENV_PROXY === '1') return undefined
  const ask: unknown = Reflect.get(process.getBuiltinModule('node:http'), 'setGlobalProxyFromEnv')
  if (typeof ask !== 'function') return `this Node (${process.version}) does not look at ${named} by itself: set NODE_USE_ENV_PROXY=1 too`
  try {
    ask(env)
    return undefined
  } catch {
    // The message quotes the value, which may have a password.
    const wrong = VARIABLES.filter(name => env[name] && !URL.canParse(env[name]))
    return `${wrong.length > 0 ? wrong.join(' and ') : named} is not used: it is not the address of a proxy, such as http://name:8080`
  }
}
