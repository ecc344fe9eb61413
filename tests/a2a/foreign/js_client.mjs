// The client of the npm package `@a2a-js/sdk` drives an agent; what it saw is one line of JSON.
// node js_client.mjs NODE_MODULES_FOLDER URL BINDING
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
const [, , home, url, binding] = process.argv;
const require = createRequire(home + "/");
const load = (name) => import(pathToFileURL(require.resolve(name).replace(/\.cjs$/, ".js")).href);
const { ClientFactory, ClientFactoryOptions } = await load("@a2a-js/sdk/client");

const base = ClientFactoryOptions.default;
const factory = new ClientFactory({ ...base, preferredTransports: [binding] });
const client = await factory.createFromUrl(url);
let count = 0;
const request = (text, skillId, more = {}, wait = true) => ({
  tenant: "",
  message: {
    messageId: `js-${process.pid}-${++count}`, contextId: "", taskId: "", role: 1, metadata: undefined,
    parts: [{ content: { $case: "text", value: text }, metadata: undefined, filename: "", mediaType: "" }],
    extensions: [], referenceTaskIds: [], ...more,
  },
  configuration: {
    acceptedOutputModes: [], taskPushNotificationConfig: undefined, returnImmediately: !wait,
  },
  metadata: { skillId },
});
const collected = async (events, first = () => {}) => {
  const found = [];
  for await (const event of events) {
    found.push([event.payload.$case, event.payload.value]);
    first(event);
  }
  return found;
};
const refused = async (call) => {
  try {
    await call();
    return "nothing";
  } catch (error) {
    return error.constructor.name;
  }
};
const texts = (task) => task.artifacts.map((artifact) => artifact.parts[0].content.value);

const told = { binding: client.transport.protocolName };
told.message = (await client.sendMessage(request("hi", "echo"))).parts[0].content.value;
const done = await client.sendMessage(request("hi", "work"));
told.task = { state: done.status.state, first: texts(done)[0] };
told.stream = (await collected(client.sendMessageStream(request("hi", "work")))).map(([kind]) => kind);
const asked = await client.sendMessage(request("hi", "ask"));
told.asked = asked.status.state;
told.answered = texts(await client.sendMessage(request("Monday", "ask", { taskId: asked.id, contextId: asked.contextId })));
const begun = await client.sendMessage(request("hi", "wait", {}, false));
told.got = (await client.getTask({ tenant: "", id: begun.id })).id === begun.id;
let snapshot;
const open = new Promise((resolve) => (snapshot = resolve));
const following = collected(client.resubscribeTask({ tenant: "", id: begun.id }), snapshot);
await open;
told.canceled = (await client.cancelTask({ tenant: "", id: begun.id, metadata: undefined })).status.state;
const followed = await following;
told.followed = [followed[0][0], followed.at(-1)[1].status.state];
told.errors = {
  "get nothing": await refused(() => client.getTask({ tenant: "", id: "nothing" })),
  "cancel the ended": await refused(() => client.cancelTask({ tenant: "", id: done.id, metadata: undefined })),
  "send to the ended": await refused(() => client.sendMessage(request("x", "wait", { taskId: begun.id }))),
};
console.log(JSON.stringify(told));
