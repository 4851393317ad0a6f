// verdaccio in a process of its own: says the port that it got, and ends with whoever started it.
import type { Server } from 'node:http'
import { runServer } from 'verdaccio'

const [config] = process.argv.slice(2)
const server: Server = await runServer(config)
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.send?.(typeof address === 'object' ? address?.port : undefined)
})
process.on('disconnect', () => process.exit(0))
