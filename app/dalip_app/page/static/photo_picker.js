// Photos come from a file dialog, the camera, the clipboard or drag and drop anywhere on the page. The browser shows the
// photo immediately; the server replaces it with a preview, because browsers cannot show every format.
let latest = 0;

const refocus = () =>
  requestAnimationFrame(() => element.querySelector(".picker-input")?.focus({ preventScroll: true }));

const send = async (chosen) => {
  const files = [...(chosen ?? [])];
  if (!files.length) return;
  if (files.length > props.most) {
    props.note = props.too_many;
    return;
  }
  const mine = ++latest;
  const focused = element.contains(document.activeElement);
  if (props.preview?.startsWith("blob:")) URL.revokeObjectURL(props.preview);
  props.note = "";
  props.state = "busy";
  props.preview = URL.createObjectURL(files[0]);
  if (focused) refocus();
  try {
    const sent = await Promise.all(files.map((file) => upload(file)));
    if (mine !== latest) return;
    props.value = sent.map(({ path, url }, i) => ({
      path, url, orig_name: files[i].name, meta: { _type: "gradio.FileData" },
    }));
    trigger("upload");
  } catch (error) {
    if (mine !== latest) return;
    props.state = "failed";
    props.preview = "";
    props.note = /size|large|413/i.test(String(error)) ? props.too_large : props.not_sent;
  }
};

const visible = () => element.isConnected && element.offsetParent !== null;
const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");

element.addEventListener("change", (event) => {
  if (event.target.type !== "file") return;
  send(event.target.files);
  event.target.value = ""; // so that the same file can be chosen again
});
element.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.type === "file") event.target.click(); // browsers only react to the space bar
});
element.addEventListener("error", (event) => event.target.remove(), true); // a format the browser cannot show
document.addEventListener("paste", (event) => {
  const photo = [...(event.clipboardData?.files ?? [])].find((file) => file.type.startsWith("image/"));
  if (!photo || !visible()) return;
  event.preventDefault();
  send([photo]);
});
document.addEventListener("dragover", (event) => {
  if (!holdsFiles(event) || !visible()) return;
  event.preventDefault();
  element.querySelector(".picker")?.classList.add("picker-target");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) element.querySelector(".picker")?.classList.remove("picker-target");
});
document.addEventListener("drop", (event) => {
  if (!holdsFiles(event) || !visible()) return;
  event.preventDefault();
  element.querySelector(".picker")?.classList.remove("picker-target");
  send(event.dataTransfer.files);
});
element.dataset.ready = "true"; // for tests and scripts that drive the page
