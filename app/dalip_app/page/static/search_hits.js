// Sends a photo of the library to the Identify tab, as if it had been chosen there.
element.setAttribute("aria-live", "polite");
element.addEventListener("click", async (event) => {
  const link = event.target.closest("a.hit-open");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const input = document.querySelector("#identify-photo .picker-input");
  if (!input) return;
  event.preventDefault();
  const answer = await fetch(link.href).catch(() => null); // the server may have stopped
  if (!answer?.ok) {
    link.innerHTML = `<span class="hit-gone">${props.gone}</span>`;
    return;
  }
  const chosen = new DataTransfer();
  chosen.items.add(new File([await answer.blob()], "photo", { type: "image/*" }));
  document.querySelector('[role="tab"]').click();
  input.files = chosen.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
  window.scrollTo({ top: 0 });
});
