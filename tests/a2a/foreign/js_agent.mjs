// An agent with the npm package `@a2a-js/sdk`; prints its URL as one line of JSON and ends with its stdin.
// node js_agent.mjs NODE_MODULES_FOLDER
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
const home = process.argv[2];
const require = createRequire(home + "/");
const load = (name) => import(pathToFileURL(require.resolve(name).replace(/\.cjs$/, ".js")).href);
const { DefaultRequestHandler, InMemoryTaskStore, AgentEvent } = await load("@a2a-js/sdk/server");
const { agentCardHandler, jsonRpcHandler, restHandler, UserBuilder } = await load("@a2a-js/sdk/server/express");
const express = require("express");

const [SUBMITTED, WORKING, COMPLETED, CANCELED, INPUT_REQUIRED] = [1, 2, 3, 5, 6];
const part = (text) => ({ content: { $case: "text", value: text }, metadata: undefined, filename: "", mediaType: "" });
const message = (text, context) => ({
  messageId: crypto.randomUUID(), contextId: context.contextId, taskId: context.taskId ?? "", role: 2,
  parts: [part(text)], metadata: undefined, extensions: [], referenceTaskIds: [],
});
const status = (state, text, context) => ({
  state, timestamp: new Date().toISOString(), message: text ? message(text, context) : undefined,
});
const waiting = new Map();

const executor = {
  async execute(context, bus) {
    const text = context.userMessage.parts[0].content.value;
    if (text === "echo") {
      bus.publish(AgentEvent.message(message("echo", { contextId: context.contextId })));
      bus.finished();
      return;
    }
    const task = context.task ?? {
      id: context.taskId, contextId: context.contextId, status: status(SUBMITTED, "", context),
      artifacts: [], history: [context.userMessage], metadata: undefined,
    };
    bus.publish(AgentEvent.task(task));
    const say = (state, words) => bus.publish(AgentEvent.statusUpdate({
      taskId: context.taskId, contextId: context.contextId, status: status(state, words, context), metadata: undefined,
    }));
    if (text === "ask") {
      say(INPUT_REQUIRED, "Which day?");
    } else {
      say(WORKING, "working");
      if (text === "wait") await new Promise((go) => waiting.set(context.taskId, { go, contextId: context.contextId }));
      else {
        bus.publish(AgentEvent.artifactUpdate({
          taskId: context.taskId, contextId: context.contextId, append: false, lastChunk: true, metadata: undefined,
          artifact: { artifactId: "a", name: "said", description: "", parts: [part(`done: ${text}`)], metadata: undefined, extensions: [] },
        }));
        say(COMPLETED, "");
      }
    }
    bus.finished();
  },
  async cancelTask(taskId, bus) {
    const { go, contextId } = waiting.get(taskId);
    const ended = { state: CANCELED, timestamp: new Date().toISOString(), message: undefined };
    bus.publish(AgentEvent.statusUpdate({ taskId, contextId, status: ended, metadata: undefined }));
    go();
  },
};

const app = express();
const server = app.listen(Number(process.argv[3] ?? 0), "127.0.0.1", () => {
  const url = `http://127.0.0.1:${server.address().port}`;
  const place = (path, protocolBinding) => ({ url: url + path, protocolBinding, protocolVersion: "1.0", tenant: "" });
  const card = {
    name: "JS", description: "The agent of another package.", version: "1", provider: undefined, documentationUrl: "",
    supportedInterfaces: [place("/rpc", "JSONRPC"), place("/rest", "HTTP+JSON")],
    capabilities: { streaming: true, pushNotifications: false, extensions: [], extendedAgentCard: false },
    securitySchemes: {}, securityRequirements: [], defaultInputModes: ["text/plain"], defaultOutputModes: ["text/plain"],
    skills: [{
      id: "work", name: "work", description: "work", tags: ["x"], examples: [], inputModes: [], outputModes: [], securityRequirements: [],
    }],
    signatures: [], iconUrl: "",
  };
  const requestHandler = new DefaultRequestHandler(card, new InMemoryTaskStore(), executor);
  const userBuilder = UserBuilder.noAuthentication;
  app.use("/.well-known/agent-card.json", agentCardHandler({ agentCardProvider: requestHandler }));
  app.use("/rpc", jsonRpcHandler({ requestHandler, userBuilder }));
  app.use("/rest", restHandler({ requestHandler, userBuilder }));
  console.log(JSON.stringify({ url }));
});
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
