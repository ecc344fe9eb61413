// The tool `add` with the TypeScript SDK over stdio. Its first argument is the folder that holds node_modules.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
const require = createRequire(process.argv[2] + "/");
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const { McpServer } = await load("@modelcontextprotocol/sdk/server/mcp.js");
const { StdioServerTransport } = await load("@modelcontextprotocol/sdk/server/stdio.js");
const { z } = await load("zod");
const server = new McpServer({ name: "bench", version: "0" });
const shape = { inputSchema: { a: z.number(), b: z.number() }, outputSchema: { result: z.number() } };
server.registerTool("add", { description: "Add two numbers.", ...shape }, async ({ a, b }) => ({
  content: [{ type: "text", text: String(a + b) }],
  structuredContent: { result: a + b },
}));
await server.connect(new StdioServerTransport());
