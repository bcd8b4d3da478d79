// The texts of sharing a screen.

export const sharing = {
  share: "Share",
  link: "Link to this page",
  card: "Picture for a post",
  openCard: "Open the picture",
  noCard: "The picture can't be shown.",
};
