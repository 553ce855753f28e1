/** Forms and lists of things that are managed: services, users, roles, addresses, participants, webhooks. */
export const manage = {
  actions: "Actions",
  edit: "Edit",
  delete: "Delete",
  save: "Save",
  create: "Create",
  createTitle: "New {one}",
  editTitle: "Edit {one} {name}",
  notSaved: "The {one} was not saved",
  notDeleted: "{name} was not deleted",
  created: "{name} was created.",
  saved: "{name} was saved.",
  deleted: "{name} was deleted.",
  changes: "The change",
  unchanged: "Nothing was changed.",
  readOnly: "Your role may read this, but not change it.",
  deleteTitle: "Delete this {one}?",
  deleteDetail: "{name} is deleted at once and cannot be brought back.",
  deleteAllDetail: "{name} and everything in it is deleted at once and cannot be brought back.",
  empty: "{many}: none yet",
  paging: "Pages of {many}",
} as const;

export const forms = {
  required: "This is needed.",
  tooLong: "Use at most {limit} characters.",
  badForm: "This has not the right form.",
} as const;
